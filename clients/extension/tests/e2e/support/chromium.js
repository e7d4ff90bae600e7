// Chromium with the extension, through playwright-core.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { environment, installHost } from "./service.js";

export const EXTENSION_ID = "ojmbpmiebdaininhleljkmghomdficil";
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

export class Chromium {
  /**
   * @param extension the folder of the built extension
   * @param install how the host is made known: called with (env, profile); as a person does it where left out
   */
  static async launch(extension, { install = (env, profile) => installHost(env, "--profile-dir", profile), env: more = {}, headless = true, language = "en" } = {}) {
    const browser = new Chromium();
    browser.folder = mkdtempSync(join(tmpdir(), "srae-chromium-"));
    const profile = join(browser.folder, "profile");
    browser.env = environment(browser.folder, { LANGUAGE: language, ...more });
    install(browser.env, profile);
    const options = {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless, env: browser.env, locale: language === "en" ? "en-GB" : language,
      ignoreDefaultArgs: ["--disable-back-forward-cache"], // a person's browser has it
      args: [...ARGS, `--lang=${language}`, `--disable-extensions-except=${extension}`, `--load-extension=${extension}`],
    };
    browser.start = async () => {
      browser.cdp = undefined;
      browser.context = await chromium.launchPersistentContext(profile, options);
      browser.context.setDefaultTimeout(60000);
      browser.worker = browser.context.serviceWorkers()[0] ?? (await browser.context.waitForEvent("serviceworker", { timeout: 120000 }));
      browser.page = browser.context.pages()[0] ?? (await browser.context.newPage());
      // From now on pickers are the test's: when that is asked for with the click, a quick click comes first.
      browser.page.on("filechooser", () => {});
    };
    await browser.start();
    return browser;
  }

  /** Ends the browser and starts it again, with what the profile keeps. */
  async restart() {
    await this.close();
    await this.start();
  }

  /** Goes to an address; a form that the last page sent may still be on its way, and would win. */
  async goto(address) {
    for (let tries = 5; ; tries -= 1) {
      try {
        return await this.page.goto(address);
      } catch (error) {
        if (tries === 0) throw error;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    }
  }

  evaluate = (code, argument) => this.page.evaluate(code, argument);
  choose = (selector, paths) => this.page.setInputFiles(selector, paths);
  /** As choose, where playwright does not know an input: it takes elements' names to be in upper case. */
  async chooseRaw(selector, path) {
    this.cdp ??= await this.context.newCDPSession(this.page);
    const { result } = await this.cdp.send("Runtime.evaluate", { expression: `document.querySelector("${selector}")` });
    await this.cdp.send("DOM.setFileInputFiles", { files: [path], objectId: result.objectId });
  }

  chooseInFrame = (paths) => this.page.frameLocator("#inner").locator("#pick").setInputFiles(paths);
  click = (selector) => this.page.click(selector);
  press = (key) => this.page.keyboard.press(key);
  screenshot = (path) => this.page.screenshot({ path });
  close = () => this.context.close();

  /** Waits until a place of the frame is the frame's for the mouse, too: just after a load it is still the page's around it. */
  async enterFrame(x, y) {
    for (let tries = 0; tries < 300; tries += 1) {
      await this.page.mouse.move(x + (tries % 2), y);
      if ((await this.page.frameLocator("#inner").locator(":root:hover").count()) > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("the mouse does not come into the frame");
  }

  /** Clicks in the frame with the mouse: where no scripts may run, the driver's own way waits for ever. */
  async clickInFrame(selector) {
    const { x, y } = await this.page.frameLocator("#inner").locator(selector).boundingBox();
    await this.enterFrame(x + 5, y + 5);
    await this.page.mouse.click(x + 5, y + 5);
  }

  /** Waits until a function of the page, with one JSON argument, is true. */
  async until(code, argument) {
    for (let tries = 0; tries < 400; tries += 1) {
      if (await this.evaluate(code, argument).catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`never true: ${code}`);
  }

  /** Clicks, and chooses in the picker that opens, as a person does. */
  async chooseInPicker(click, paths) {
    const [chooser] = await Promise.all([this.page.waitForEvent("filechooser"), click()]);
    await chooser.setFiles(paths);
  }

  /** Drops files from outside the browser: trusted events. */
  async drop(paths, x, y) {
    this.cdp ??= await this.context.newCDPSession(this.page);
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) await this.cdp.send("Input.dispatchDragEvent", { type, x, y, data });
  }

  /**
   * The text of the open dialog, which is in a closed shadow root: read as a screen reader does. Null where none is open.
   * @param frame the frame of another site that it would be in; the page where left out
   */
  async dialog(frame) {
    this.cdp ??= await this.context.newCDPSession(this.page);
    const session = frame ? await this.context.newCDPSession(frame) : this.cdp;
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    const dialog = nodes.find(({ role, ignored }) => !ignored && role?.value === "dialog");
    if (!dialog) return null;
    const byId = new Map(nodes.map((node) => [node.nodeId, node]));
    const words = (node) => (node.role?.value === "StaticText" ? [node.name.value] : node.childIds.flatMap((id) => words(byId.get(id) ?? { childIds: [] })));
    return words(dialog).join("\n");
  }

  /** Waits until the small box in the corner says that, read as a screen reader does. */
  async waitForNotice(words) {
    this.cdp ??= await this.context.newCDPSession(this.page);
    for (let tries = 0; tries < 400; tries += 1) {
      const { nodes } = await this.cdp.send("Accessibility.getFullAXTree");
      if (nodes.some(({ role, name }) => role?.value === "StaticText" && name.value.includes(words))) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`nothing says: ${words}`);
  }

  /** Clicks a button of the extension's boxes with the mouse, waiting until it is there. */
  async clickButton(label) {
    this.cdp ??= await this.context.newCDPSession(this.page);
    for (let tries = 0; tries < 400; tries += 1) {
      const { nodes } = await this.cdp.send("Accessibility.getFullAXTree");
      const button = nodes.find(({ role, name }) => role?.value === "button" && name?.value === label);
      if (button) {
        const { model } = await this.cdp.send("DOM.getBoxModel", { backendNodeId: button.backendDOMNodeId });
        const [left, top, right, , , bottom] = model.content;
        return this.page.mouse.click((left + right) / 2, (top + bottom) / 2);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`no button ${label}`);
  }

  async waitForDialog(seconds = 40, frame = undefined) {
    for (let tries = 0; tries < 10 * seconds; tries += 1) {
      const text = await this.dialog(frame);
      if (text) return text;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("no dialog came");
  }

  /** "Restore the original" in the context menu of an image of the open page: the click on the menu, which no driver can press. */
  async restoreFromMenu(source) {
    const [viewer] = await Promise.all([
      this.context.waitForEvent("page"),
      this.worker.evaluate(async ([srcUrl, url]) => {
        const [tab] = await chrome.tabs.query({ url: `${new URL(url).origin.replace(/:\d+$/, "")}/*`, active: true });
        chrome.contextMenus.onClicked.dispatch({ menuItemId: "restore", srcUrl, frameId: 0 }, tab);
      }, [source, this.page.url()]),
    ]);
    return viewer;
  }

  chooseTier = (tier) => this.worker.evaluate((chosen) => chrome.storage.local.set({ settings: { tier: chosen } }), tier);

  /** Waits until the wall knows that photos go to this address. */
  learned = (address) => this.worker.evaluate(async (wanted) => {
    for (let tries = 0; tries < 400; tries += 1) {
      if (((await chrome.storage.local.get("uploads")).uploads ?? []).includes(wanted)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`never learned: ${wanted}`);
  }, `|${address}`);

  badge = () => this.worker.evaluate(() => chrome.action.getBadgeText({}));

  async setMode(site, mode) {
    const page = await this.openOwnPage("popup.html");
    await page.evaluate((message) => chrome.runtime.sendMessage(message), { type: "set mode", site, mode });
    await page.close();
    await this.page.bringToFront();
  }

  /** Goes back. The driver's own way waits for a load, and a page that was kept has none. */
  back = () => this.evaluate(() => void setTimeout(() => history.back()));

  /** A page of the extension, in a tab of its own. */
  async openOwnPage(path) {
    const page = await this.context.newPage();
    await page.goto(`chrome-extension://${EXTENSION_ID}/pages/${path}`);
    return page;
  }
}
