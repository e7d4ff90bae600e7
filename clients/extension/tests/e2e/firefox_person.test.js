// Firefox: what a person does with the browser's own windows, and what the settings make of it. Where Firefox lacks a way to
// a photo that Chromium has, a test says so; where no driver can work the system's part of a way, the test names what stands in.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FirefoxWindows } from "./support/firefox_windows.js";
import { endHost, hostProcess, kill, whileStopped } from "./support/host_process.js";
import { ROOTS } from "./support/pages.js";
import { installHost, lockKey } from "./support/service.js";
import { Site } from "./support/site.js";
import { photo, Uploads } from "./support/uploads.js";

const OUT = join(process.env.SRAE_TEST_OUT, "firefox_person");
let browser;
let site;
let uploads;

before(async () => {
  site = await new Site(OUT).start();
  uploads = new Uploads(site);
  browser = await FirefoxWindows.launch(process.env.SRAE_TEST_EXTENSION);
  await browser.replacePicker();
  await browser.chooseTier("one-pass"); // the sealed tier is chosen further down
});

after(() => uploads.end(browser, OUT));

const open = (page, name = page) => browser.goto(`${site.origin}/${page}/${name}`);
const base64 = (name) => readFileSync(photo(name)).toString("base64");
const says = (tab, words) => browser.until((text) => document.body.innerText.includes(text), words, tab).catch(async () =>
  assert.fail(`not ${words} but ${await browser.evaluate(() => document.body.innerText, undefined, tab)}`));

test("a frame in a page where the extension is not: its dialog is in the frame, also in a tab that was at a named site before", async () => {
  await open("attached", "before");
  await browser.goto(`${site.unnamedOrigin}/around/lonely/600x400`);
  await browser.chooseInFrame(photo("no-room.png"));
  const [{ context }] = await browser.frames();
  assert.match(await browser.waitForDialog(40, context), /UNCHANGED_OUTPUT/);
  assert.equal(await browser.dialog(), null);
  await uploads.expectNothing("lonely"); // while nobody answers
  await browser.clickButton("Do not send", context);
  await uploads.expectNothing("lonely");
});

test("a dialog in a frame of 200 x 100 pixels is read from its top, scrolled and answered by keyboard", async () => {
  await browser.goto(`${site.unnamedOrigin}/around/small/200x100`);
  await browser.chooseInFrame(photo("no-room.png"));
  const [{ context }] = await browser.frames();
  await browser.waitForDialog(40, context);
  const look = () => browser.withDialog((dialog) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    const isSeen = (element) => {
      const box = element.getBoundingClientRect();
      return box.left >= left && box.right <= right && box.top >= top && box.bottom <= bottom;
    };
    return { fits: left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && dialog.scrollWidth <= dialog.clientWidth,
      title: isSeen(dialog.querySelector("h2")), buttons: [...dialog.querySelectorAll("button")].map(isSeen), scrolled: dialog.scrollTop };
  }, context);
  const first = await look();
  assert.deepEqual([first.fits, first.title], [true, true], JSON.stringify(first));
  await browser.screenshot(join(OUT, "small.png"));
  await browser.press("ArrowDown", context);
  const until = async (isSo) => {
    for (let tries = 0; tries < 200; tries += 1) {
      if (isSo(await look())) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.fail(JSON.stringify(await look()));
  };
  await until(({ scrolled }) => scrolled > 0);
  await browser.press("Tab", context);
  await until(({ buttons }) => buttons.at(-1));
  await browser.screenshot(join(OUT, "small-end.png"));
  await browser.press("Escape", context);
  await uploads.expectNothing("small");
  assert.equal(await browser.dialog(context), null);
});

test("a data: page that a named site's page opened is that site's: the extension is there, and shows its frames' dialogs", async () => {
  await open("attached", "before");
  await browser.goto(`data:text/html,<iframe id=inner src="${site.origin}/attached/data-around"></iframe>`); // BiDi goes there as the page
  await browser.chooseInFrame(photo("no-room.png"));
  assert.match(await browser.waitForDialog(), /UNCHANGED_OUTPUT/);
  await uploads.expectNothing("data-around"); // while nobody answers
  await browser.clickButton("Do not send");
  await uploads.expectNothing("data-around");
});

for (const page of ["detached", "showpicker"]) {
  test(`an input that is in no document, chosen in its picker: ${page}`, async () => {
    await open(page);
    await browser.choosesNext(photo("cat.png"));
    await browser.click("#open");
    await uploads.expect(page, ["cat.png"]);
    await open(page, `${page}-cancelled`);
    await browser.choosesNext(null);
    await browser.click("#open");
    await uploads.expectNothing(`${page}-cancelled`);
    assert.deepEqual(await browser.evaluate(() => window.errors), []);
  });
}

test("a folder that is chosen keeps its paths", async () => {
  const folder = join(OUT, "holiday");
  mkdirSync(folder, { recursive: true });
  copyFileSync(photo("cat.png"), join(folder, "cat.png"));
  await open("attached", "directory");
  await browser.evaluate(() => {
    const pick = Object.assign(document.getElementById("pick"), { webkitdirectory: true });
    pick.addEventListener("change", () => (window.paths = [...pick.files].map((file) => file.webkitRelativePath)));
  });
  await browser.choosesNext(folder);
  await browser.click("#pick");
  await browser.confirmFolder();
  await uploads.expect("directory", ["cat.png"]);
  assert.deepEqual(await browser.evaluate(() => window.paths), ["holiday/cat.png"]);
});

/** Runs work in pages that have a script of the test's before any other, the extension's too. */
async function withStandIn(code, work) {
  const { script } = await browser.send("script.addPreloadScript", { functionDeclaration: String(code) });
  await work().finally(() => browser.send("script.removePreloadScript", { script }));
}

test("a folder that is dropped: what the page reads of it is protected", () =>
  // No driver can drag a folder into Firefox without a screen: the folder stands in, the file's entry in it is Firefox's.
  withStandIn(() => {
    const { webkitGetAsEntry } = DataTransferItem.prototype;
    DataTransferItem.prototype.webkitGetAsEntry = function () {
      const inner = Reflect.apply(webkitGetAsEntry, this, []);
      const createReader = () => ({ readEntries: (done) => done([inner]) });
      return this.getAsFile()?.name === "holiday" ? { isDirectory: true, isFile: false, name: "holiday", createReader } : inner;
    };
  }, async () => {
    await open("dropfiles", "folder");
    const kind = await browser.evaluate((data) => new Promise((resolve, reject) => {
      document.addEventListener("drop", (event) => {
        event.stopImmediatePropagation();
        const folder = event.dataTransfer.items[0].webkitGetAsEntry();
        folder.createReader().readEntries(([entry]) => entry.file((file) => send(file, "cat.png").then(() => resolve(entry.constructor.name)), reject));
      }, true);
      const holder = new DataTransfer();
      holder.items.add(new File([Uint8Array.from(atob(data), (character) => character.charCodeAt(0))], "holiday"));
      document.getElementById("zone").dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: holder }));
    }), base64("cat.png"));
    assert.equal(kind, "FileSystemFileEntry");
    await uploads.expect("folder", ["cat.png"]);
  }));

test("a picture that is read from the clipboard", async () => {
  await open("clipboard", "headless");
  const types = await browser.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
    return (await navigator.clipboard.read()).flatMap((item) => item.types);
  }, base64("cat.png"));
  assert.deepEqual(types, [], "Firefox without a screen has a clipboard without pictures, so what read() gives stands in");
  await withStandIn(() => {
    const [load, { blob }] = [fetch, Response.prototype]; // Firefox's own: what a page fetches is the page's, and let through
    Clipboard.prototype.read = async () => [new ClipboardItem({ "image/png": await Reflect.apply(blob, await load("/file/original"), []) })];
  }, async () => {
    site.serve("original", readFileSync(photo("cat.png")));
    await open("clipboard");
    await browser.evaluate(() => window.readAndSend());
    await uploads.expect("clipboard", ["cat.png"]);
  });
});

test("Firefox gives pages no handles of a person's files; those of the page's own storage are left alone", async () => {
  await open("picker");
  const lacking = await browser.evaluate(() => [typeof showOpenFilePicker, typeof showDirectoryPicker, typeof webkitRequestFileSystem,
    typeof DataTransferItem.prototype.getAsFileSystemHandle]);
  assert.deepEqual(lacking, Array(4).fill("undefined"), "a way that is there now wants a test of its own, as Chromium's have");
  const size = await browser.evaluate(async (data) => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle("x.png", { create: true });
    const writable = await handle.createWritable();
    await writable.write(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
    await writable.close();
    return (await handle.getFile()).size;
  }, base64("cat.png"));
  assert.equal(size, readFileSync(photo("cat.png")).length);
});

// From here on in the sealed tier, which is the default: what a person does and gets with it, and what restoring it takes.
test("cancelling while a photo is being protected", async () => {
  await browser.chooseTier("sealed");
  await open("attached", "cancel");
  await browser.evaluate(() => document.getElementById("pick").addEventListener("cancel", () => (window.isCancelled = true)));
  await whileStopped(browser, async () => {
    await browser.choose("#pick", photo("cat.png"));
    await browser.clickButton("Cancel");
  });
  await uploads.expectNothing("cancel");
  assert.equal(await browser.dialog(), null);
  assert.equal(await browser.evaluate(() => window.isCancelled), true);
  await browser.choose("#pick", photo("cat.png"));
  await uploads.expect("cancel", ["cat.png"]);
});

test("animations and videos go as they are, with a word or without, or are stopped, as the person says", async () => {
  for (const policy of ["warn", "allow", "block"]) {
    const options = await browser.openOwnPage("options.html");
    await browser.until(() => document.querySelector("input[name=animations]") !== null, undefined, options);
    for (const kind of ["animations", "videos"]) {
      await browser.evaluate(([name, value]) => document.querySelector(`input[name=${name}][value=${value}]`).click(), [kind, policy], options);
      await browser.until(([name, value]) => chrome.runtime.sendMessage({ type: "settings" }).then((all) => all.value[name] === value), [kind, policy], options);
    }
    await browser.closeTab(options);
    await open("attached", `moving-${policy}`);
    await browser.choose("#pick", ["moving.gif", "clip.mp4"].map(photo));
    if (policy === "block") continue;
    const [sent] = await Promise.all([site.wait(`moving-${policy}`, 2), policy === "warn" ? browser.waitForNotice("moving.gif, clip.mp4") : null]);
    for (const { name, bytes } of sent) assert.deepEqual(bytes, readFileSync(photo(name)));
    if (policy === "allow") assert.doesNotMatch((await browser.notice()) ?? "", /Sent as they are/);
  }
  assert.match(await browser.waitForDialog(), /moving\.gif[^]*clip\.mp4[^]*Animations and videos can not be protected[^]*BLOCKED_TYPE/);
  await browser.press("Enter");
  await uploads.expectNothing("moving-block");
});

test("the wall stops what no script sees while the host is gone, and comes down when it is back", async () => {
  await open("attached", "wall");
  await browser.choose("#pick", photo("cat.png"));
  await uploads.expect("wall", ["cat.png"]);
  await browser.learned(`${site.origin}/upload/wall`);
  await open("elsewhere", "wall-elsewhere");
  await browser.choose("#pick", photo("cat.png"));
  await uploads.expect("wall-elsewhere", ["cat.png"]);
  await browser.learned(`${site.unnamedOrigin}/upload/wall-elsewhere`);
  const send = (name = "wall", origin = site.origin) => browser.evaluate((address) =>
    fetch(address, { method: "POST", mode: "no-cors", body: "base64 in JSON" }).then(() => "sent", () => "stopped"), `${origin}/upload/${name}`);
  rmSync(join(browser.folder, ".mozilla/native-messaging-hosts/srae.host.json"));
  await endHost(browser);
  await open("attached", "wall-2");
  await browser.choose("#pick", photo("cat.png"));
  assert.match(await browser.waitForDialog(), /The upload was stopped[^]*HOST_NOT_INSTALLED/);
  await browser.press("Enter");
  await uploads.expectNothing("wall-2");
  await open("attached", "wall");
  assert.equal(await send(), "stopped");
  assert.equal(await send("wall-elsewhere", site.unnamedOrigin), "stopped");
  assert.deepEqual(["wall", "wall-elsewhere"].map((name) => site.received(name).length), [1, 1]);
  installHost(browser.env, "firefox");
  const popup = await browser.openOwnPage("popup.html");
  await says(popup, "Photos can be protected.");
  await browser.closeTab(popup);
  assert.equal(await send(), "sent");
});

test("restoring from the menu; a key with a passphrase is asked for in the viewer", async () => {
  await open("attached", "restored");
  await browser.choose("#pick", photo("cat.png"));
  await uploads.expect("restored", ["cat.png"]);
  await open("image", "restored");
  const viewer = await browser.pressInMenu("#image", "Restore the original");
  await says(viewer, "Every pixel is the original's");
  await browser.closeTab(viewer);
  lockKey(browser.env, "open sesame");
  const locked = await browser.pressInMenu("#image", "Restore the original");
  await says(locked, "(KEY_LOCKED)");
  const type = (words) => browser.evaluate((passphrase) => {
    document.getElementById("passphrase").value = passphrase;
    document.querySelector("form button").click();
  }, words, locked);
  await type("another");
  await says(locked, "(KEY_PASSPHRASE_WRONG)");
  await type("open sesame");
  await says(locked, "Every pixel is the original's");
  await browser.closeTab(locked);
});

const addOn = (act) => browser.inWindow(async (name) => {
  const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
  await (await AddonManager.getAddonByID("extension@srae"))[name]();
}, act);

/** The browser's own box ends itself here, so what it says is kept. */
const keepsBox = (work) => withStandIn(() => { window.alert = (words) => (window.said = words); }, work);
const boxSays = () => browser.until(() => /removed under this page[^]*EXTENSION_GONE/.test(window.said));

test("an extension that is reloaded under the page protects there on; one that is gone stops the upload and says so", () =>
  keepsBox(async () => {
    await open("attached", "reloaded");
    await browser.choose("#pick", photo("cat.png"));
    await site.wait("reloaded", 1);
    await addOn("reload");
    await browser.choose("#pick", photo("astronaut.png")); // at once, perhaps before the scripts are put in again
    await site.wait("reloaded", 2);
    await browser.choose("#pick", photo("coffee.png"));
    await uploads.expect("reloaded", ["cat.png", "astronaut.png", "coffee.png"]);
    await addOn("disable");
    await browser.choose("#pick", photo("cat.png"));
    await boxSays().finally(() => addOn("enable"));
    assert.equal(site.received("reloaded").length, 3);
  }));

test("forms in shadow roots that were there before the extension was reloaded wait for their photos", async () => {
  const normal = browser.context;
  await browser.chooseTier("one-pass"); // nine photos: these tests are of the ways, which are the same in both tiers
  const tabs = new Map();
  for (const kind of Object.keys(ROOTS)) {
    tabs.set(kind, (await browser.send("browsingContext.create", { type: "tab" })).context);
    browser.context = tabs.get(kind);
    await browser.goto(`${site.origin}/rootform/reloaded-root-${kind}/${kind}`);
    await browser.until(() => Boolean(window.rootForm));
  }
  await addOn("reload");
  await new Promise((resolve) => setTimeout(resolve, 4000)); // so that three scripts of ours are in each page
  await addOn("reload");
  for (const [kind, tab] of tabs) { // the first at once, the last when the new scripts are long there
    browser.context = tab;
    await browser.chooseIn("window.rootForm.querySelector('input')", photo("cat.png"));
    if (kind !== "auto") await browser.evaluate(() => window.rootForm.querySelector("button").click());
    await uploads.expect(`reloaded-root-${kind}`, ["cat.png"]);
  }
  browser.context = normal;
  for (const tab of tabs.values()) await browser.closeTab(tab);
});

/** Has the extension reloaded, or another thing done with it, while a photo is being protected. */
async function addOnMeanwhile(act, name, begin) {
  await browser.chooseTier("one-pass");
  await open("attached", `${name}-before`);
  await browser.choose("#pick", photo("cat.png"));
  await site.wait(`${name}-before`, 1);
  const pid = await hostProcess(browser);
  process.kill(pid, "SIGSTOP"); // so that there is time
  try {
    await begin();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.deepEqual(site.received(name), []);
    await addOn(act);
  } finally {
    kill(pid);
  }
}

test("an extension that is reloaded while a page sends a photo: the original does not go, and a box says so", () => keepsBox(async () => {
  await addOnMeanwhile("reload", "reloaded-fetch", async () => {
    await open("attached", "reloaded-fetch");
    await browser.evaluate((data) => {
      const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      window.sent = [];
      for (const body of [bytes, new Blob([bytes])]) {
        fetch("/upload/reloaded-fetch", { method: "POST", body }).then(() => window.sent.push("sent"), () => window.sent.push("stopped"));
      }
    }, base64("cat.png"));
  });
  await browser.until(() => window.sent.length === 2);
  await uploads.expectNothing("reloaded-fetch");
  assert.deepEqual(await browser.evaluate(() => window.sent), ["stopped", "stopped"]);
  await boxSays();
}));

test("an extension that is reloaded while submit() waits: the form goes with the protected photo", async () => {
  await addOnMeanwhile("reload", "reloaded-submit", async () => {
    await open("submitcall", "reloaded-submit");
    await browser.choose("#pick", photo("cat.png"));
    await browser.evaluate(() => document.getElementById("go").click());
  });
  await uploads.expect("reloaded-submit", ["cat.png"]);
  assert.notEqual(site.received("reloaded-submit")[0].bytes.length, 0, "an empty file came");
});

test("an extension that is disabled while a photo is being protected: the upload ends, and a box says so", () => keepsBox(async () => {
  await addOnMeanwhile("disable", "disabled-meanwhile", async () => {
    await open("attached", "disabled-meanwhile");
    await browser.evaluate(() => document.getElementById("pick").addEventListener("cancel", () => (window.isCancelled = true)));
    await browser.choose("#pick", photo("cat.png"));
  });
  await boxSays().finally(() => addOn("enable"));
  assert.equal(await browser.evaluate(() => window.isCancelled), true);
  await uploads.expectNothing("disabled-meanwhile");
}));

test("a private window: photos are protected, and nothing tells of the site or the file", async () => {
  const normal = browser.context;
  const ownPage = async (work) => {
    const tab = await browser.openOwnPage("options.html");
    const told = await browser.evaluate(work, undefined, tab);
    await browser.closeTab(tab);
    return told;
  };
  browser.context = await browser.openPrivateWindow();
  await open("attached", "private");
  await browser.choose("#pick", photo("coffee.png"));
  await uploads.expect("private", ["coffee.png"]);
  browser.context = normal;
  const kept = await ownPage(async () => JSON.stringify([await chrome.storage.local.get(), await chrome.storage.session.get()]));
  assert.doesNotMatch(kept, /coffee|private/);
  const entry = await ownPage(async () => (await chrome.runtime.sendMessage({ type: "ledger list", limit: 1, offset: 0 })).value.entries[0]);
  assert.deepEqual([entry.page_origin, entry.file_name], ["", "photo.png"]);
});
