// Firefox: the same ways, with the real host and the real service. Drops and pastes are made by script here, since WebDriver
// has no way to drag a file in from outside.

import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { testAdded } from "./support/added_site.js";
import { testBack } from "./support/back.js";
import { Firefox } from "./support/firefox.js";
import { coverDialog } from "./support/cover.js";
import { crashDuring, endHost } from "./support/host_process.js";
import { testFrames, testUnprotected } from "./support/frames.js";
import { ROOTS } from "./support/pages.js";
import { testSent } from "./support/sent.js";
import { Site } from "./support/site.js";
import { photo, Uploads } from "./support/uploads.js";
import { testWidgets } from "./support/widgets.js";

const OUT = join(process.env.SRAE_TEST_OUT, "firefox");
let browser;
let site;
let uploads;

before(async () => {
  site = await new Site(OUT).start();
  uploads = new Uploads(site);
  browser = await Firefox.launch(process.env.SRAE_TEST_EXTENSION);
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
  const sizes = await browser.evaluate(() => window.seen);
  assert.ok(!sizes.includes(readFileSync(photo("astronaut.png")).length));
  const received = site.received("attached");
  const letter = received.find(({ name }) => name === "letter.pdf");
  assert.deepEqual(letter.bytes, readFileSync(photo("letter.pdf")));
  received.splice(received.indexOf(letter), 1);
  await uploads.expect("attached", ["astronaut.png", "coffee.png"]);
  assert.deepEqual(await browser.evaluate(() => window.errors), []);
});

test("forms: sent at once, submit() in the change event and from a click", async () => {
  await open("form");
  await browser.choose("#pick", photo("cat.png"));
  await browser.click("#go");
  await uploads.expect("form", ["cat.png"]);
  await browser.answered();
  await open("autosubmit");
  await browser.choose("#pick", photo("astronaut.jpg"));
  await uploads.expect("autosubmit", ["astronaut.jpg"]);
  await browser.answered();
  await open("submitcall");
  await browser.choose("#pick", photo("cat.png"));
  await browser.click("#go");
  await uploads.expect("submitcall", ["cat.png"]);
  await browser.answered();
  for (const page of ["xhtml", "ownfile"]) {
    await open(page);
    await browser.choose("#pick", photo("cat.png"));
    await browser.click("#go");
    await uploads.expect(page, ["cat.png"]);
    await browser.answered();
  }
  await open("clobbered"); // fields named as what scripts read of forms
  await browser.choose("#pick", photo("cat.png"));
  await browser.click("#go");
  await uploads.expect("clobbered", ["cat.png"]);
  await browser.answered();
});

test("an input that is in no document", async () => {
  await open("empty", "detached");
  await browser.evaluate(() => {
    const input = Object.assign(document.createElement("input"), { type: "file" });
    input.onchange = () => send(input.files[0]);
    window.input = input;
  });
  await browser.chooseIn("(document.body.append(window.input), window.input)", photo("cat.png"));
  await uploads.expect("detached", ["cat.png"]);
});

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

test("an input that is emptied and used again; one listener for all; shadow roots", async () => {
  await open("reset");
  await browser.evaluate(() => { document.getElementById("pick").hidden = false; });
  await browser.choose("#pick", photo("cat.png"));
  await site.wait("reset", 1);
  await browser.choose("#pick", photo("coffee.png"));
  await uploads.expect("reset", ["cat.png", "coffee.png"]);
  await open("delegated");
  await browser.choose("#pick", photo("misnamed.txt"));
  await uploads.expect("delegated", ["misnamed.txt"]);
  await open("openshadow");
  await browser.chooseIn("document.getElementById('host').shadowRoot.querySelector('input')", photo("cat.png"));
  await uploads.expect("openshadow", ["cat.png"]);
  for (const page of ["closedshadow", "declaredshadow"]) {
    await open(page);
    await browser.chooseIn("window.inner()", photo("coffee.webp"));
    await uploads.expect(page, ["coffee.webp"]);
  }
});

for (const kind of Object.keys(ROOTS)) {
  test(`a form in a shadow root that is ${kind}: it waits for its photo, and is not sent with one that was stopped`, async () => {
    const choose = async (name, file) => {
      await browser.goto(`${site.origin}/rootform/${name}/${kind}`);
      await browser.until(() => Boolean(window.rootForm));
      await browser.chooseIn("window.rootForm.querySelector('input')", photo(file));
      if (kind !== "auto") await browser.evaluate(() => window.rootForm.querySelector("button").click()); // at once
    };
    await choose(`root-${kind}`, "cat.png");
    await uploads.expect(`root-${kind}`, ["cat.png"]);
    await browser.answered();
    await choose(`root-stopped-${kind}`, "no-room.png");
    assert.match(await browser.waitForDialog(), /UNCHANGED_OUTPUT/);
    await browser.press("Enter");
    await uploads.expectNothing(`root-stopped-${kind}`);
  });
}

test("a file with 16 bits a channel: the person is told that 8 come back", async () => {
  await open("attached", "deep");
  await browser.choose("#pick", photo("deep.png"));
  await Promise.all([uploads.expect("deep", ["deep.png"]), browser.waitForNotice("deep.png: more than 8 bits a channel")]);
});

test("frames of the same and of another origin, and of text", async () => {
  await open("frames");
  for (const [index, frame] of (await browser.frames()).entries()) {
    await browser.chooseIn("document.querySelector('#pick')", photo("cat.png"), frame.context);
    await site.wait("frames", index + 1);
  }
  await uploads.expect("frames", ["cat.png", "cat.png"]);
  await open("srcdoc");
  const [inner] = await browser.frames();
  await browser.chooseIn("document.querySelector('#pick')", photo("cat.png"), inner.context);
  await uploads.expect("srcdoc", ["cat.png"]);
  await open("writtenframe");
  const [written] = await browser.frames();
  await browser.chooseIn("document.querySelector('#pick')", photo("cat.png"), written.context);
  await uploads.expect("writtenframe", ["cat.png"]);
  await open("editorframe");
  await browser.chooseInFrame(photo("cat.png"));
  await uploads.expect("editorframe", ["cat.png"]);
});

/** Fires an event with a transfer that holds a photo, as a script can. */
const transfer = (type, selector, name, texts = {}) => browser.evaluate(([kind, found, data, more]) => {
  const holder = new DataTransfer();
  holder.items.add(new File([Uint8Array.from(atob(data), (character) => character.charCodeAt(0))], "cat.png", { type: "image/png" }));
  for (const [format, text] of Object.entries(more)) holder.setData(format, text);
  const init = { bubbles: true, cancelable: true, composed: true };
  const event = kind === "drop" ? new DragEvent(kind, { ...init, dataTransfer: holder }) : new ClipboardEvent(kind, init);
  if (kind === "paste") Object.defineProperty(event, "clipboardData", { value: holder });
  document.querySelector(found).focus();
  document.querySelector(found).dispatchEvent(event);
}, [type, selector, base64(name), texts]);

test("drops and pastes", async () => {
  for (const [page, type, selector] of [["dropzone", "drop", "#zone"], ["dropfiles", "drop", "#zone"], ["droponinput", "drop", "#pick"], ["paste", "paste", "#text"]]) {
    await open(page);
    await transfer(type, selector, "cat.png");
    await uploads.expect(page, ["cat.png"]);
    assert.deepEqual(await browser.evaluate(() => window.errors), []);
  }
});

test("pasting text that comes with a picture of itself", async () => {
  await open("pastemixed");
  const paste = (selector) => transfer("paste", selector, "cat.png", { "text/plain": "A1\tB1", "text/html": "<b>A1</b> B1" });
  await paste("#rich");
  await browser.until(() => document.getElementById("rich").innerHTML !== "");
  assert.match(await browser.evaluate(() => document.getElementById("rich").innerHTML), /^<b>A1<\/b>\sB1/);
  await browser.evaluate(() => window.hear());
  await paste("#plain");
  await uploads.expect("pastemixed", ["cat.png"]);
  assert.equal(await browser.evaluate(() => document.getElementById("plain").value), "A1\tB1");
});

test("uploads in pieces, and pages that encode the photo again", async () => {
  await open("chunked");
  await browser.choose("#pick", photo("astronaut.png"));
  await uploads.expect("chunked", ["astronaut.png"], { join: true, count: 5 });
  await open("chunkedbytes");
  await browser.choose("#pick", photo("coffee.png"));
  await uploads.expect("chunkedbytes", ["coffee.png"], { join: true, count: 3 });
  for (const page of ["canvas", "workercanvas"]) {
    await open(page);
    await browser.choose("#pick", photo("cat.png"));
    await uploads.expect(page, ["cat.png"], { nearly: page === "workercanvas" });
  }
});

test("the last net: fetch, forms, Request, bytes, XHR, beacon, worker", async () => {
  for (const sink of ["fetch", "form", "request", "bytes", "xhr", "beacon", "worker"]) {
    await open("sinks", `sink-${sink}`);
    const name = sink === "beacon" ? "astronaut.jpg" : "cat.png";
    await browser.evaluate(([way, data]) => void window.sinks[way](window.fileOf(data, "x.png")), [sink, base64(name)]);
    await uploads.expect(`sink-${sink}`, [name]);
  }
});

testSent(() => ({ browser, site, uploads }));

test("a form that is emptied while its photo is being protected stays empty", async () => {
  await open("resetting");
  await browser.choose("#pick", photo("cat.png"));
  await browser.click("#empty");
  for (let tries = 0; tries < 100 && !(await browser.notice())?.includes("→"); tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await browser.evaluate(() => document.getElementById("pick").files.length), 0);
});

test("a photo that can not be protected, and a host that crashes: stopped, by keyboard", async () => {
  await open("attached", "no-room");
  await browser.choose("#pick", photo("no-room.png"));
  await browser.waitForDialog();
  await browser.screenshot(join(OUT, "dialog.png"));
  await browser.press("Enter");
  await uploads.expectNothing("no-room");
  assert.equal(await browser.dialog(), null);
  await open("attached", "crash");
  await crashDuring(browser, () => browser.choose("#pick", photo("cat.png")));
  await browser.waitForDialog();
  await browser.press("Escape");
  await uploads.expectNothing("crash");
});

test("a site that the person added: photos are protected there too, and the popup says so", async () => {
  await testAdded({ browser, site, uploads }, "added");
  const popup = await browser.openOwnPage(`popup.html?address=${encodeURIComponent(site.addedOrigin)}`);
  await browser.until(() => document.querySelector("input[value=on]")?.checked, undefined, popup);
  await browser.closeTab(popup);
});

testFrames(() => ({ browser, site, uploads }));
testUnprotected(() => ({ browser, site, uploads }), () => join(OUT, "not-protected.png"));
testBack(() => ({ browser, site, uploads }));
testWidgets(() => ({ browser, site, uploads }));

// Last, for the original once lets the tab past the wall for a minute.
test("no host: stopped; the original once is a choice of its own", async () => {
  rmSync(join(browser.folder, ".mozilla/native-messaging-hosts/srae.host.json"));
  await endHost(browser);
  await open("attached", "no-host");
  await browser.choose("#pick", photo("cat.png"));
  assert.match(await browser.waitForDialog(), /HOST_NOT_INSTALLED/);
  await browser.press("Enter");
  await uploads.expectNothing("no-host");
  await open("overlay", "overlay");
  await browser.choose("#pick", photo("cat.png"));
  await coverDialog(browser);
  await browser.clickButton("Send the original once"); // through what covers it
  await uploads.expectNothing("overlay");
  await browser.clickButton("Do not send");
  await uploads.expectNothing("overlay");
  assert.equal(await browser.dialog(), null);
  await open("attached", "no-host");
  await browser.choose("#pick", photo("cat.png"));
  await browser.waitForDialog();
  await browser.press("Tab");
  await browser.press("Enter");
  assert.deepEqual((await site.wait("no-host", 1))[0].bytes, readFileSync(photo("cat.png")));
});
