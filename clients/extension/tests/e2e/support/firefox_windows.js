// What a person does in Firefox's own windows, where no page is: its menus, its file picker, a private window.

import { Firefox } from "./firefox.js";

/** A Firefox whose own windows can be worked, too. */
export class FirefoxWindows extends Firefox {
  /** Evaluates a function with one JSON argument in the window (browser.xhtml) that holds the tab. */
  async inWindow(code, argument) {
    const { contexts: [{ clientWindow }] } = await this.send("browsingContext.getTree", { root: this.context });
    const { contexts } = await this.send("browsingContext.getTree", { "moz:scope": "chrome" });
    return this.evaluate(code, argument, contexts.find((window) => window.clientWindow === clientWindow).context);
  }

  /** Opens the context menu over an element and presses the extension's entry. Resolves with the tab that opens. */
  async pressInMenu(selector, label) {
    const before = new Set((await this.tabs()).map(({ context }) => context));
    const element = await this.element(`document.querySelector(${JSON.stringify(selector)})`);
    await this.send("input.performActions", { context: this.context, actions: [{ type: "pointer", id: "mouse", actions: [
      { type: "pointerMove", x: 0, y: 0, origin: { type: "element", element } }, { type: "pointerDown", button: 2 }, { type: "pointerUp", button: 2 }] }] });
    await this.inWindow(async (words) => {
      const menu = document.getElementById("contentAreaContextMenu");
      const entry = () => menu.state === "open" && [...menu.querySelectorAll("menuitem")].find((item) => item.getAttribute("label") === words);
      for (let tries = 0; !entry(); tries += 1) {
        if (tries === 400) throw new Error(`no entry: ${words}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      menu.activateItem(entry());
    }, label);
    for (let tries = 0; tries < 100; tries += 1) {
      const opened = (await this.tabs()).find(({ context }) => !before.has(context));
      if (opened) return opened.context;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("no tab opens");
  }

  /**
   * From now on the picker answers at once with what choosesNext names: the system's own window, which no driver can work,
   * is the one thing replaced.
   */
  replacePicker() {
    return this.inWindow(() => {
      const picker = {
        QueryInterface: ChromeUtils.generateQI(["nsIFilePicker"]), init() {}, appendFilter() {}, appendFilters() {}, appendRawFilter() {},
        get file() {
          const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
          file.initWithPath(window.sraeChosen);
          return file;
        },
        open: (callback) => Services.tm.dispatchToMainThread(() =>
          callback.done(window.sraeChosen ? Ci.nsIFilePicker.returnOK : Ci.nsIFilePicker.returnCancel)),
      };
      const factory = { QueryInterface: ChromeUtils.generateQI(["nsIFactory"]), createInstance: (kind) => picker.QueryInterface(kind) };
      Components.manager.QueryInterface(Ci.nsIComponentRegistrar).registerFactory(
        Components.ID("{8b2e6a40-5a4f-4a8e-9d3b-0f4f6f1e2a77}"), "a test's picker", "@mozilla.org/filepicker;1", factory);
    });
  }

  /** What the picker answers next: a file, a folder, or null for cancel. */
  choosesNext = (path) => this.inWindow((chosen) => void (window.sraeChosen = chosen), path);

  /** Says yes to Firefox's question whether a folder's files may go to the site. */
  confirmFolder() {
    return this.inWindow(async () => {
      const question = () => gBrowser.getTabDialogBox(gBrowser.selectedBrowser).getTabDialogManager().dialogs[0]
        ?._frame.contentDocument?.getElementById("commonDialog");
      // Its buttons are dead for a moment, lest a person press them unread.
      for (let tries = 0; !question()?._buttons || question().getButton("accept").disabled; tries += 1) {
        if (tries === 400) throw new Error("no question");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      question().acceptDialog();
    });
  }

  /** Lets the extension into private windows, as a person does in about:addons, and opens one. Resolves with its tab. */
  async openPrivateWindow() {
    await this.inWindow(async () => {
      const { ExtensionPermissions } = ChromeUtils.importESModule("resource://gre/modules/ExtensionPermissions.sys.mjs");
      const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
      await ExtensionPermissions.add("extension@srae", { permissions: ["internal:privateBrowsingAllowed"], origins: [] });
      await (await AddonManager.getAddonByID("extension@srae")).reload();
      const opened = OpenBrowserWindow({ private: true });
      await new Promise((resolve) => opened.addEventListener("load", resolve, { once: true }));
      await opened.delayedStartupPromise;
    });
    for (let tries = 0; tries < 100; tries += 1) {
      const found = (await this.tabs()).find(({ url }) => url === "about:privatebrowsing");
      if (found) return found.context;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("no private window opens");
  }

  tabs = async () => (await this.send("browsingContext.getTree", {})).contexts;
}
