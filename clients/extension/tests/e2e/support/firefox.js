// Firefox with the extension, through WebDriver BiDi.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";
import { environment, installHost } from "./service.js";

/** The extension's pages are at an address that Firefox makes up for each profile: the tests give it one. */
const PAGES_ID = "0c7e2f6a-5b1d-4f0e-9a43-2d6c7b8e9f10";
const PREFERENCES = {
  "browser.shell.checkDefaultBrowser": false, "datareporting.policy.dataSubmissionEnabled": false, "app.update.enabled": false,
  "toolkit.telemetry.reportingpolicy.firstRun": false, "browser.aboutwelcome.enabled": false, "intl.locale.requested": "en-GB",
  "xpinstall.signatures.required": false, "extensions.autoDisableScopes": 0,
  "focusmanager.testmode": true, "remote.prefs.recommended": true, "network.proxy.type": 0, "dom.events.testing.asyncClipboard": true,
  "extensions.webextensions.uuids": JSON.stringify({ "extension@srae": PAGES_ID }),
};
const KEYS = { Enter: "\uE007", Tab: "\uE004", Escape: "\uE00C", ArrowDown: "\uE015" };

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

export class Firefox {
  #next = 1;
  #waiting = new Map();

  static async launch(extension, { install = (env) => installHost(env, "firefox"), env: more = {} } = {}) {
    const browser = new this();
    browser.folder = mkdtempSync(join(tmpdir(), "srae-firefox-"));
    const profile = join(browser.folder, "profile");
    mkdirSync(profile);
    writeFileSync(join(profile, "user.js"), Object.entries(PREFERENCES).map(([name, value]) =>
      `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(""));
    browser.env = environment(browser.folder, more);
    install(browser.env);
    const port = await freePort();
    browser.process = spawn(process.env.FIREFOX ?? "/usr/bin/firefox-esr",
      // System access: the tests press what is of no page, the context menu for one.
      ["--headless", "--no-remote", "--remote-allow-system-access", "--profile", profile, `--remote-debugging-port=${port}`], { env: browser.env, stdio: "ignore" });
    await browser.#connect(`ws://127.0.0.1:${port}/session`);
    await browser.send("session.new", { capabilities: { alwaysMatch: { unhandledPromptBehavior: { default: "accept", file: "ignore" } } } });
    await browser.send("webExtension.install", { extensionData: { type: "path", path: extension } });
    // A window of its own: the first one has no focus where there is no screen, and its buttons no keyboard.
    browser.context = (await browser.send("browsingContext.create", { type: "window" })).context;
    await browser.send("browsingContext.activate", { context: browser.context });
    return browser;
  }

  async #connect(address) {
    for (let tries = 0; tries < 1200; tries += 1) {
      const socket = new WebSocket(address);
      const isOpen = await new Promise((resolve) => socket.once("open", () => resolve(true)).once("error", () => resolve(false)));
      if (isOpen) {
        this.socket = socket.on("message", (data) => this.#receive(JSON.parse(data)));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("Firefox does not answer");
  }

  #receive({ id, result, error, message }) {
    const { resolve, reject } = this.#waiting.get(id) ?? {};
    this.#waiting.delete(id);
    if (error) reject?.(new Error(`${error}: ${message}`));
    else resolve?.(result);
  }

  send(method, params) {
    const id = this.#next++;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Goes to an address. A form's answer that comes in between ends the first try without a word. */
  async goto(url) {
    for (let tries = 0; tries < 5; tries += 1) {
      const done = this.send("browsingContext.navigate", { context: this.context, url, wait: "complete" }).then(() => true, () => false);
      if (await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 30000, false))])) return;
    }
    throw new Error(`${url} does not open`);
  }

  /** Waits until a form's answer is shown. */
  async answered() {
    for (let tries = 0; tries < 100; tries += 1) {
      if (await this.evaluate(() => location.pathname.startsWith("/upload/")).catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Evaluates an expression or a function with one JSON argument; resolves with its value as JSON. */
  async evaluate(code, argument, context = this.context) {
    const expression = `(async () => JSON.stringify(await (${code})(${JSON.stringify(argument) ?? ""})) ?? "null")()`;
    const { result, exceptionDetails } = await this.send("script.evaluate", { expression, target: { context }, awaitPromise: true, userActivation: true });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  }

  /** Waits until a function of the page, with one JSON argument, is true. */
  async until(code, argument, context = this.context) {
    for (let tries = 0; tries < 600; tries += 1) {
      if (await this.evaluate(code, argument, context).catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`never true: ${code}`);
  }

  /** A reference to the element that the expression finds. */
  async element(expression, context = this.context) {
    const { result } = await this.send("script.evaluate", { expression, target: { context }, awaitPromise: false });
    if (!result.sharedId) throw new Error(`no element: ${expression}`);
    return { sharedId: result.sharedId };
  }

  async chooseIn(expression, paths, context = this.context) {
    await this.send("input.setFiles", { context, element: await this.element(expression, context), files: [paths].flat() });
  }

  choose = (selector, paths) => this.chooseIn(`document.querySelector(${JSON.stringify(selector)})`, paths);
  click = (selector) => this.evaluate((found) => document.querySelector(found).click(), selector);

  async chooseInFrame(paths) {
    const [{ context }] = await this.frames();
    await this.chooseIn("document.querySelector('#pick')", paths, context);
  }

  async clickInFrame(selector) {
    const [{ context }] = await this.frames();
    await this.#press(await this.element(`document.querySelector(${JSON.stringify(selector)})`, context), context);
  }

  /** Presses the mouse's button over an element. */
  async #press(element, context) {
    await this.send("input.performActions", { context, actions: [{ type: "pointer", id: "mouse", actions: [
      { type: "pointerMove", x: 0, y: 0, origin: { type: "element", element } }, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }] }] });
  }

  async press(key, context = this.context) {
    const value = KEYS[key] ?? key;
    const actions = [{ type: "key", id: "keyboard", actions: [{ type: "keyDown", value }, { type: "keyUp", value }] }];
    await this.send("input.performActions", { context, actions });
  }

  async frames() {
    const { contexts } = await this.send("browsingContext.getTree", { root: this.context });
    return contexts[0].children;
  }

  /** The nodes of the extension's boxes, which are in closed shadow roots: WebDriver sees into them. */
  async #boxes(context) {
    const { result } = await this.send("script.evaluate", { expression: "[...document.querySelectorAll('srae-shade')]", target: { context },
      awaitPromise: false, serializationOptions: { includeShadowTree: "all", maxDomDepth: 8 } });
    const all = (node) => (node ? [node, ...(node.value?.children ?? []).flatMap(all), ...all(node.value?.shadowRoot)] : []);
    return (result?.value ?? []).flatMap(all);
  }

  async #text(name, context) {
    const box = (await this.#boxes(context)).find(({ value }) => value.localName === name);
    const words = ({ value }) => (value.nodeType === 3 ? [value.nodeValue] : value.children.flatMap(words));
    return box ? words(box).filter(Boolean).join("\n") : null;
  }

  /** The text of the open dialog; null where none is open. */
  dialog = (context = this.context) => this.#text("dialog", context);
  /** The text of the small box in the corner; null where none is shown. */
  notice = (context = this.context) => this.#text("section", context);

  /** Waits until the small box in the corner says that. */
  async waitForNotice(words) {
    for (let tries = 0; tries < 400; tries += 1) {
      if ((await this.notice().catch(() => null))?.includes(words)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`nothing says: ${words}`);
  }

  /** Evaluates a function with the open dialog's element. */
  async withDialog(code, context = this.context) {
    const { sharedId } = (await this.#boxes(context)).find(({ value }) => value.localName === "dialog");
    const { result, exceptionDetails } = await this.send("script.callFunction",
      { functionDeclaration: `(dialog) => JSON.stringify((${code})(dialog))`, arguments: [{ sharedId }], target: { context }, awaitPromise: false });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  }

  /** Clicks a button of the extension's boxes with the mouse, waiting until it is there. */
  async clickButton(label, context = this.context) {
    for (let tries = 0; tries < 100; tries += 1) {
      const button = (await this.#boxes(context)).find(({ value }) => value.localName === "button" && value.children[0]?.value.nodeValue === label);
      if (button) return this.#press({ sharedId: button.sharedId }, context);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`no button ${label}`);
  }

  async waitForDialog(seconds = 40, context = this.context) {
    for (let tries = 0; tries < 10 * seconds; tries += 1) {
      const text = await this.dialog(context).catch(() => null);
      if (text) return text;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("no dialog came");
  }

  async screenshot(path) {
    const { data } = await this.send("browsingContext.captureScreenshot", { context: this.context });
    writeFileSync(path, Buffer.from(data, "base64"));
  }

  /** A page of the extension, in a tab of its own. Resolves with the tab. */
  async openOwnPage(path) {
    const { context } = await this.send("browsingContext.create", { type: "tab" });
    await this.send("browsingContext.navigate", { context, url: `moz-extension://${PAGES_ID}/pages/${path}`, wait: "complete" });
    return context;
  }

  async chooseTier(tier) {
    const tab = await this.openOwnPage("options.html");
    await this.evaluate((chosen) => chrome.runtime.sendMessage({ type: "change settings", changes: { tier: chosen } }), tier, tab);
    await this.closeTab(tab);
  }

  /** Waits until the wall knows that photos go to this address. */
  async learned(address) {
    const tab = await this.openOwnPage("options.html");
    await this.until(async (wanted) => ((await chrome.storage.local.get("uploads")).uploads ?? []).includes(wanted), `|${address}`, tab);
    await this.closeTab(tab);
  }

  async badge() {
    const tab = await this.openOwnPage("options.html");
    const text = await this.evaluate(() => chrome.action.getBadgeText({}), undefined, tab);
    await this.closeTab(tab);
    return text;
  }

  async setMode(site, mode) {
    const tab = await this.openOwnPage("options.html");
    await this.evaluate((message) => chrome.runtime.sendMessage(message), { type: "set mode", site, mode }, tab);
    await this.closeTab(tab);
  }

  back = () => this.evaluate(() => void setTimeout(() => history.back()));

  closeTab = (context) => this.send("browsingContext.close", { context });

  async close() {
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    await Promise.race([this.send("browser.close", {}).catch(() => {}), gone]);
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5000))]);
    if (this.process.exitCode === null) this.process.kill("SIGKILL");
  }
}
