// Chromium: every way on which a page gets a photo, with the real host and the real service.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { testBack } from "./support/back.js";
import { Chromium } from "./support/chromium.js";
import { testFrames, testUnprotected } from "./support/frames.js";
import { ROOTS } from "./support/pages.js";
import { testSent } from "./support/sent.js";
import { Site } from "./support/site.js";
import { photo, Uploads } from "./support/uploads.js";
import { testWidgets } from "./support/widgets.js";

const OUT = join(process.env.SRAE_TEST_OUT, "chromium");
let browser;
let site;
let uploads;

before(async () => {
  site = await new Site(OUT).start();
  uploads = new Uploads(site);
  browser = await Chromium.launch(process.env.SRAE_TEST_EXTENSION);
  // These tests are of the ways to a page, which are the same in both tiers; the sealed one takes ten times the processor.
  // Those of the extension's pages, of what a person does, and of photos that fail or are protected after one that did, have sealed ones.
  await browser.chooseTier("one-pass");
});

after(() => uploads.end(browser, OUT));

const open = (page, name = page) => browser.goto(`${site.origin}/${page}/${name}`);
const base64 = (name) => readFileSync(photo(name)).toString("base64");

test("an attached input: several photos and a file that is none; pollers see no original", async () => {
  await open("attached");
  await browser.choose("#pick", ["astronaut.png", "coffee.png", "letter.pdf"].map(photo));
  await site.wait("attached", 3);
  const sizes = new Set(await browser.evaluate(() => window.seen));
  const letter = site.received("attached").find(({ name }) => name === "letter.pdf");
  assert.deepEqual(letter.bytes, readFileSync(photo("letter.pdf")));
  assert.ok(!sizes.has(readFileSync(photo("astronaut.png")).length));
  site.received("attached").splice(site.received("attached").indexOf(letter), 1);
  await uploads.expect("attached", ["astronaut.png", "coffee.png"]);
  assert.deepEqual(await browser.evaluate(() => window.errors), []);
});

test("a form that is sent at once waits for its photos", async () => {
  await open("form");
  await browser.choose("#pick", [photo("cat.png"), photo("coffee.png")]);
  await browser.click("#go");
  await uploads.expect("form", ["cat.png", "coffee.png"]);
});

for (const page of ["xhtml", "ownfile"]) {
  test(`a form of a page that is ${page}`, async () => {
    await open(page);
    await browser.evaluate(() => document.getElementById("pick").addEventListener("input", ({ target }) => (window.heard = [...(window.heard ?? []), target.files[0]?.size])));
    await browser.chooseRaw("#pick", photo("cat.png"));
    const heard = await browser.evaluate(() => {
      document.getElementById("go").click(); // at once
      return window.heard ?? [];
    });
    assert.ok(!heard.includes(readFileSync(photo("cat.png")).length), "the page hears nothing of the original");
    await uploads.expect(page, ["cat.png"]);
  });
}

test("form.submit(), in the change event and from a click", async () => {
  await open("autosubmit");
  await browser.choose("#pick", photo("astronaut.jpg"));
  await uploads.expect("autosubmit", ["astronaut.jpg"]);
  await open("submitcall");
  await browser.choose("#pick", photo("cat.png"));
  await browser.click("#go");
  await uploads.expect("submitcall", ["cat.png"]);
});

test("a form with fields named as what scripts read of forms", async () => {
  await open("clobbered");
  await browser.choose("#pick", photo("cat.png"));
  await browser.waitForNotice("cat.png: ");
  await browser.click("#go"); // nothing is waited for: the form is told of, and sent
  await uploads.expect("clobbered", ["cat.png"]);
});

for (const page of ["detached", "showpicker"]) {
  test(`an input that is in no document: ${page}`, async () => {
    await open(page);
    await browser.chooseInPicker(() => browser.click("#open"), photo("cat.png"));
    await uploads.expect(page, ["cat.png"]);
  });
}

test("a page with the strictest policy", async () => {
  await open("strict");
  await browser.choose("#pick", photo("cat.png"));
  await uploads.expect("strict", ["cat.png"]);
  await open("strict", "strict-stopped");
  await browser.choose("#pick", photo("no-room.png"));
  await browser.waitForDialog();
  await browser.screenshot(join(OUT, "strict.png"));
  await browser.press("Enter");
  await uploads.expectNothing("strict-stopped");
});

test("an input that is emptied and used again", async () => {
  await open("reset");
  await browser.choose("#pick", photo("cat.png"));
  await site.wait("reset", 1);
  await browser.choose("#pick", photo("coffee.png"));
  await uploads.expect("reset", ["cat.png", "coffee.png"]);
  assert.equal(await browser.evaluate(() => window.count), 2);
});

test("one listener for all events; a photo with another type's name", async () => {
  await open("delegated");
  await browser.choose("#pick", photo("misnamed.txt"));
  await uploads.expect("delegated", ["misnamed.txt"]);
});

test("a file with 16 bits a channel: the person is told that 8 come back", async () => {
  await open("attached", "deep");
  await browser.choose("#pick", photo("deep.png"));
  await Promise.all([uploads.expect("deep", ["deep.png"]), browser.waitForNotice("deep.png: more than 8 bits a channel.")]);
});

test("shadow roots, open and closed, and declared in the page's text", async () => {
  await open("openshadow");
  await browser.choose("#host input", photo("cat.png"));
  await uploads.expect("openshadow", ["cat.png"]);
  for (const page of ["closedshadow", "declaredshadow"]) {
    await open(page);
    await browser.chooseInPicker(() => browser.page.mouse.click(60, 25), photo("coffee.webp"));
    await uploads.expect(page, ["coffee.webp"]);
  }
});

for (const kind of Object.keys(ROOTS)) {
  test(`a form in a shadow root that is ${kind}: it waits for its photo, and is not sent with one that was stopped`, async () => {
    const choose = async (name, file) => {
      await browser.goto(`${site.origin}/rootform/${name}/${kind}`);
      await browser.until(() => window.rootForm);
      await browser.chooseInPicker(() => browser.page.mouse.click(60, 40), photo(file));
      if (kind !== "auto") await browser.page.mouse.click(60, 100); // at once
    };
    await choose(`root-${kind}`, "cat.png");
    await uploads.expect(`root-${kind}`, ["cat.png"]);
    await choose(`root-stopped-${kind}`, "no-room.png");
    assert.match(await browser.waitForDialog(), /UNCHANGED_OUTPUT/);
    await browser.press("Enter");
    await uploads.expectNothing(`root-stopped-${kind}`);
  });
}

test("a form in a closed root of a frame in which no script runs", async () => {
  await open("scriptlessroot");
  await browser.enterFrame(60, 40);
  await browser.chooseInPicker(() => browser.page.mouse.click(60, 40), photo("cat.png"));
  await browser.page.mouse.click(60, 110); // at once
  await uploads.expect("scriptlessroot", ["cat.png"]);
});

test("frames of the same and of another origin, and of text", async () => {
  await open("frames");
  for (const id of ["same", "cross"]) {
    await browser.page.frameLocator(`#${id}`).locator("#pick").setInputFiles(photo("cat.png"));
    await site.wait("frames", id === "same" ? 1 : 2);
  }
  await uploads.expect("frames", ["cat.png", "cat.png"]);
  await open("srcdoc");
  await browser.page.frameLocator("#inner").locator("#pick").setInputFiles(photo("cat.png"));
  await uploads.expect("srcdoc", ["cat.png"]);
  await open("writtenframe");
  await browser.page.frameLocator("#inner").locator("#pick").setInputFiles(photo("cat.png"));
  await uploads.expect("writtenframe", ["cat.png"]);
  await open("editorframe");
  await browser.chooseInFrame(photo("cat.png"));
  await uploads.expect("editorframe", ["cat.png"]);
});

test("drops: entries with previews, files, and onto an input", async () => {
  await open("dropzone");
  await browser.drop([photo("cat.png"), photo("coffee.png")], 100, 100);
  await uploads.expect("dropzone", ["cat.png", "coffee.png"]);
  assert.equal(await browser.evaluate(() => window.drops), 1);
  assert.deepEqual(await browser.evaluate(() => window.errors), []);
  await open("dropfiles");
  await browser.drop([photo("astronaut.png")], 100, 100);
  await uploads.expect("dropfiles", ["astronaut.png"]);
  await open("droponinput");
  await browser.drop([photo("astronaut.png")], 100, 100);
  await uploads.expect("droponinput", ["astronaut.png"]);
});

test("a dropped file's handle, and an entry of a file system", async () => {
  await open("dropfiles", "handle");
  await browser.evaluate(() => document.addEventListener("drop", async (event) => {
    event.stopImmediatePropagation();
    event.preventDefault();
    const handle = await event.dataTransfer.items[0].getAsFileSystemHandle();
    window.refused = await handle.createWritable().catch(({ message }) => message); // at once: before the file is looked at
    await send(await handle.getFile());
  }, true));
  await browser.drop([photo("cat.png")], 100, 100);
  await uploads.expect("handle", ["cat.png"]);
  await browser.until(() => window.refused === "The file is not available."); // it is not saved over the original
  await open("sinks", "entry");
  await browser.evaluate((data) => new Promise((resolve, reject) => {
    // An old file system of Chromium: the one way to such an entry without a folder dropped by hand.
    webkitRequestFileSystem(0, 1 << 20, ({ root }) => root.getFile("cat.png", { create: true }, (entry) => entry.createWriter((writer) => {
      writer.onwriteend = () => entry.file((file) => resolve(void window.sinks.form(file)), reject);
      writer.write(window.fileOf(data, "cat.png"));
    }, reject), reject), reject);
  }), base64("cat.png"));
  await uploads.expect("entry", ["cat.png"]);
});

test("a folder that is dropped: what the page reads of it is protected", async () => {
  await open("dropfiles", "folder");
  await browser.evaluate(() => document.addEventListener("drop", (event) => {
    event.stopImmediatePropagation();
    event.preventDefault();
    const folder = event.dataTransfer.items[0].webkitGetAsEntry();
    folder.createReader().readEntries(([entry]) => entry.file((file) => send(file)));
  }, true));
  await browser.drop([holiday()], 100, 100);
  await uploads.expect("folder", ["cat.png"]);
});

/** A folder with a photo in it. */
function holiday() {
  const folder = join(OUT, "holiday");
  mkdirSync(folder, { recursive: true });
  copyFileSync(photo("cat.png"), join(folder, "cat.png"));
  return folder;
}

test("a folder that is chosen keeps its paths", async () => {
  await open("attached", "directory");
  await browser.evaluate(() => Object.assign(document.getElementById("pick"), { webkitdirectory: true }));
  await browser.evaluate(() => document.getElementById("pick").addEventListener("change", ({ target }) => {
    window.paths = [...target.files].map((file) => file.webkitRelativePath);
  }));
  await browser.choose("#pick", holiday());
  await uploads.expect("directory", ["cat.png"]);
  assert.deepEqual(await browser.evaluate(() => window.paths), ["holiday/cat.png"]);
});

/** Puts a photo on the clipboard, as copying a picture does; with texts, as Office programs do. */
async function copy(name, texts = {}) {
  await browser.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: site.origin });
  await browser.evaluate(async ([data, more]) => {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }), ...more })]);
  }, [base64(name), texts]);
}

test("pasting: read by the page, left to the browser, and read from the clipboard", async () => {
  for (const page of ["paste", "pastedefault"]) {
    await open(page);
    await copy("cat.png");
    await browser.click("#text");
    await browser.press("Control+V");
    await uploads.expect(page, ["cat.png"]);
  }
  await open("clipboard");
  await copy("cat.png");
  await browser.evaluate(() => window.readAndSend());
  await uploads.expect("clipboard", ["cat.png"]);
});

test("pasting text that comes with a picture of itself", async () => {
  const paste = async (selector) => {
    await copy("cat.png", { "text/plain": "A1\tB1", "text/html": "<b>A1</b> B1" });
    await browser.click(selector);
    await browser.press("Control+V");
  };
  await open("pastemixed");
  await paste("#plain");
  assert.equal(await browser.evaluate(() => document.getElementById("plain").value), "A1\tB1", "at once: nothing is protected");
  await paste("#rich");
  await browser.until(() => document.getElementById("rich").innerHTML !== "");
  assert.match(await browser.evaluate(() => document.getElementById("rich").innerHTML), /<b>A1<\/b>\sB1$/);
  await browser.evaluate(() => window.hear());
  await paste("#plain");
  await uploads.expect("pastemixed", ["cat.png"]);
  assert.equal(await browser.evaluate(() => document.getElementById("plain").value), "A1\tB1A1\tB1");
});

test("uploads in pieces: slices, and copied bytes", async () => {
  await open("chunked");
  await browser.choose("#pick", photo("astronaut.png"));
  await uploads.expect("chunked", ["astronaut.png"], { join: true, count: 5 });
  await open("chunkedbytes");
  await browser.choose("#pick", photo("coffee.png"));
  await uploads.expect("chunkedbytes", ["coffee.png"], { join: true, count: 3 });
});

test("pages that encode the photo again, in a canvas and in a worker", async () => {
  for (const page of ["canvas", "workercanvas"]) {
    await open(page);
    await browser.choose("#pick", photo("cat.png"));
    await uploads.expect(page, ["cat.png"], { nearly: page === "workercanvas" });
  }
});

test("the last net: fetch, forms, Request, bytes, XHR, beacon, worker", async () => {
  const sinks = ["fetch", "form", "request", "bytes", "xhr", "beacon", "worker"];
  for (const sink of sinks) {
    await open("sinks", `sink-${sink}`);
    const name = sink === "beacon" ? "astronaut.jpg" : "cat.png"; // a beacon holds 64 KiB
    await browser.evaluate(([way, data]) => void window.sinks[way](window.fileOf(data, "x.png")), [sink, base64(name)]);
    await uploads.expect(`sink-${sink}`, [name]);
  }
});

testSent(() => ({ browser, site, uploads }));

test("a form that is emptied while its photo is being protected stays empty", async () => {
  await open("resetting");
  await browser.choose("#pick", photo("cat.png"));
  await browser.click("#empty");
  await browser.waitForNotice("cat.png: ");
  assert.equal(await browser.evaluate(() => document.getElementById("pick").files.length), 0);
});

test("what is put into a form just after it was emptied stays; a blob without a name gets the browser's", async () => {
  await open("resetting", "refilled");
  const name = await browser.evaluate((data) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(data), (character) => character.charCodeAt(0))], "cat.png", { type: "image/png" }));
    const pick = document.getElementById("pick");
    pick.form.reset();
    pick.files = transfer.files;
    pick.form.reportValidity();
    void pick.files; // the page reads it: it is protected first
    const form = new FormData();
    form.append("note", new Blob(["{}"]), undefined);
    return form.get("note").name;
  }, base64("cat.png"));
  assert.equal(name, "blob");
  await browser.until(() => document.getElementById("pick").files.length === 1);
});

test("file handles; those of the page's own storage are left alone", async () => {
  await open("picker");
  const handled = await browser.evaluate(async (data) => {
    const root = await navigator.storage.getDirectory();
    const handle = await root.getFileHandle("x.png", { create: true });
    const writable = await handle.createWritable();
    await writable.write(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
    await writable.close();
    return (await handle.getFile()).size;
  }, base64("cat.png"));
  assert.equal(handled, readFileSync(photo("cat.png")).length);
});

test("animations and videos go as they are by default, with a word, and are stopped where the person says so", async () => {
  await open("attached", "moving");
  await browser.choose("#pick", ["moving.gif", "clip.mp4"].map(photo));
  const [sent] = await Promise.all([site.wait("moving", 2),
    browser.waitForNotice("Sent as they are, for animations and videos can not be protected: moving.gif, clip.mp4")]);
  for (const { name, bytes } of sent) assert.deepEqual(bytes, readFileSync(photo(name)));
  for (const [kind, name] of [["animations", "moving.gif"], ["videos", "clip.mp4"]]) {
    const options = await browser.openOwnPage("options.html");
    await options.click(`input[name=${kind}][value=block]`);
    await options.waitForFunction(async (name) => (await chrome.runtime.sendMessage({ type: "settings" })).value[name] === "block", kind);
    await options.close();
    await open("attached", `${kind}-blocked`);
    await browser.choose("#pick", photo(name));
    assert.match(await browser.waitForDialog(), /Animations and videos can not be protected/);
    await browser.press("Enter");
    await uploads.expectNothing(`${kind}-blocked`);
  }
});

testFrames(() => ({ browser, site, uploads }));

test("a frame in a page where the extension is not: its dialog is in the frame", async () => {
  await browser.goto(`${site.unnamedOrigin}/around/lonely/600x400`);
  await browser.chooseInFrame(photo("no-room.png"));
  const frame = browser.page.frames()[1];
  assert.match(await browser.waitForDialog(40, frame), /UNCHANGED_OUTPUT/);
  assert.equal(await browser.dialog(), null);
  await uploads.expectNothing("lonely"); // while nobody answers
  await browser.press("Enter");
  await uploads.expectNothing("lonely");
  assert.equal(await browser.dialog(frame), null);
});

testUnprotected(() => ({ browser, site, uploads }), () => join(process.env.SRAE_TEST_OUT, "pictures/frame.png"));
test("the wall learns where protected photos go, and what a page made of them; not where it sends pictures of its own", async () => {
  await open("canvas", "drawn");
  await browser.evaluate(() => new Promise((resolve) => {
    const canvas = document.createElement("canvas");
    canvas.getContext("2d").fillRect(10, 10, 50, 50);
    canvas.toBlob((blob) => resolve(send(blob, "drawn.png").then(() => true)));
  }));
  await site.wait("drawn", 1);
  for (const page of ["delegated", "canvas"]) {
    await open(page, `learned-${page}`);
    await browser.choose("#pick", photo("cat.png"));
    await uploads.expect(`learned-${page}`, ["cat.png"]);
    await browser.learned(`${site.origin}/upload/learned-${page}`);
  }
  const addresses = await browser.worker.evaluate(async () => (await chrome.storage.local.get("uploads")).uploads);
  assert.ok(!addresses.includes(`|${site.origin}/upload/drawn`));
});

testBack(() => ({ browser, site, uploads }));
testWidgets(() => ({ browser, site, uploads }));
