// Chromium: the extension's own pages, and restoring. Leaves the pictures of docs/extension.md in out/e2e/pictures.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Chromium } from "./support/chromium.js";
import { endHost } from "./support/host_process.js";
import { lockKey } from "./support/service.js";
import { Site } from "./support/site.js";
import { photo, Uploads } from "./support/uploads.js";

const OUT = join(process.env.SRAE_TEST_OUT, "pages");
const PICTURES = join(process.env.SRAE_TEST_OUT, "pictures");
const PASSPHRASE = "öffne dich, Sesam 7319";
let browser;
let site;
let uploads;

before(async () => {
  site = await new Site(OUT).start();
  uploads = new Uploads(site);
  browser = await Chromium.launch(process.env.SRAE_TEST_EXTENSION);
  await browser.goto(`${site.origin}/attached/cat`);
  await browser.choose("#pick", photo("cat.png"));
  await uploads.expect("cat", ["cat.png"]);
  await browser.page.screenshot({ path: join(PICTURES, "notice.png"), clip: { x: 780, y: 520, width: 500, height: 200 } });
  await browser.goto(`${site.origin}/attached/astronaut`);
  await browser.choose("#pick", photo("astronaut.jpg"));
  await uploads.expect("astronaut", ["astronaut.jpg"]);
  await browser.worker.evaluate(async () => {
    while (((await chrome.storage.session.get("recent")).recent ?? []).length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  });
});
after(() => uploads.end(browser, OUT, PASSPHRASE));

test("the popup: this site, health, before and after", async () => {
  const popup = await browser.openOwnPage(`popup.html?address=${encodeURIComponent(site.origin)}`);
  await popup.setViewportSize({ width: 380, height: 720 });
  await popup.getByText("Photos can be protected.").waitFor();
  assert.ok(await popup.locator("input[value=on]").isChecked());
  assert.match(await popup.locator("#recent").innerText(), /cat\.png[\s\S]*→/);
  const wide = await popup.locator("#recent img").evaluateAll((images) => images.map((image) => image.naturalWidth));
  assert.ok(wide.length === 4 && wide.every((width) => width > 0));
  await popup.screenshot({ path: join(PICTURES, "popup.png") });
  await popup.close();
});

test("the options page: settings stay, the ledger is listed, exported, forgotten and imported", async () => {
  const page = await browser.openOwnPage("options.html");
  await page.getByText("2 photos").waitFor();
  await page.getByText("Now: ").waitFor();
  await page.setViewportSize({ width: 960, height: 1250 });
  await page.screenshot({ path: join(PICTURES, "options.png"), fullPage: true });
  await page.click("input[name=videos][value=block]");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
  const file = join(PICTURES, "../exported-ledger");
  await download.saveAs(file);
  page.on("dialog", (dialog) => dialog.accept());
  await page.locator("#ledger button").first().click();
  await page.getByText("1 photos").waitFor();
  await page.setInputFiles("#import", file);
  await page.getByText("Added: 1. Known before: 1.").waitFor();
  await page.reload();
  await page.getByText("2 photos").waitFor();
  assert.ok(await page.locator("input[name=videos][value=block]").isChecked());
  await page.close();
});

test("the options page: a stronger protection is chosen and had, and the public key can be copied", async () => {
  const page = await browser.openOwnPage("options.html");
  const psnr = () => page.evaluate(async () => (await chrome.runtime.sendMessage({ type: "recent" })).value
    .find(({ name }) => name === "cat.png").protected_psnr_db);
  assert.ok(await page.locator("input[name=strength][value=normal]").isChecked());
  const normal = await psnr();
  await page.click("input[name=strength][value=strong]");
  await page.waitForFunction(async () => (await chrome.runtime.sendMessage({ type: "settings" })).value.strength === "strong");
  await browser.goto(`${site.origin}/attached/strong`);
  await browser.choose("#pick", photo("cat.png"));
  await uploads.expect("strong", ["cat.png"]);
  assert.notDeepEqual(site.received("strong")[0].bytes, site.received("cat")[0].bytes);
  await page.waitForFunction(async () => (await chrome.runtime.sendMessage({ type: "recent" })).value.length === 3);
  const strong = await psnr();
  assert.ok(strong < normal - 2 && Math.abs(strong - 38) < 1 && Math.abs(normal - 42) < 1, `${normal} dB, then ${strong} dB`);
  const own = JSON.parse(readFileSync(join(browser.env.XDG_CONFIG_HOME, "srae/keys.json"), "utf8")).public[0];
  await page.getByText(own).waitFor();
  await browser.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.click("#copy-key");
  await page.getByText("Copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), own);
  await page.click("input[name=strength][value=normal]");
  await page.close();
});

/** The pixels of an image file, as Chromium decodes them. */
const pixels = (page, address) => page.evaluate(async (source) => {
  const picture = await createImageBitmap(await (await fetch(source)).blob());
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", data))).join();
}, address);

test("restoring from the menu, shown where no page can read it; replacing in the page is a choice", async () => {
  await browser.goto(`${site.origin}/image/cat`);
  const source = `${site.origin}/file/cat`;
  const viewer = await browser.restoreFromMenu(source);
  await viewer.getByText("Every pixel is the original's").waitFor();
  await viewer.screenshot({ path: join(PICTURES, "viewer.png") });
  const original = `data:image/png;base64,${readFileSync(photo("cat.png")).toString("base64")}`;
  const restored = await pixels(browser.page, await viewer.evaluate(async () => {
    const canvas = document.createElement("canvas");
    const image = document.querySelector("#photo img");
    await image.decode();
    Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight }).getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/png");
  }));
  assert.equal(restored, await pixels(browser.page, original));
  assert.notEqual(restored, await pixels(browser.page, source));
  assert.equal(await browser.evaluate(() => document.getElementById("image").getAttribute("src")), "/file/cat", "the page has what it had");
  viewer.on("dialog", (dialog) => dialog.accept());
  await viewer.getByText("Replace it in the page").click();
  await viewer.getByText("Replaced in the page.").waitFor();
  assert.match(await browser.evaluate(() => document.getElementById("image").src), /^data:image\/png/);
});

test("a key with a passphrase: it is asked for in the viewer, opens the key until the host ends, and is written nowhere", async () => {
  lockKey(browser.env, PASSPHRASE);
  await browser.goto(`${site.origin}/attached/locked`);
  await browser.choose("#pick", photo("coffee.png"));
  await uploads.expect("locked", ["coffee.png"]); // protecting asks for nothing
  await browser.goto(`${site.origin}/image/locked`);
  const source = `${site.origin}/file/locked`;
  const viewer = await browser.restoreFromMenu(source);
  await viewer.getByText("(KEY_LOCKED)").waitFor();
  await viewer.fill("#passphrase", "another");
  await viewer.keyboard.press("Enter");
  await viewer.getByText("(KEY_PASSPHRASE_WRONG)").waitFor();
  await viewer.setViewportSize({ width: 760, height: 320 });
  await viewer.screenshot({ path: join(PICTURES, "passphrase.png") });
  assert.equal(await viewer.inputValue("#passphrase"), "");
  await viewer.fill("#passphrase", PASSPHRASE);
  await viewer.keyboard.press("Enter");
  await viewer.getByText("Every pixel is the original's").waitFor();
  assert.equal(await viewer.locator("#passphrase").count(), 0);
  await viewer.close();
  const again = await browser.restoreFromMenu(source);
  await again.getByText("Every pixel is the original's").waitFor();
  await again.close();
  const kept = await browser.worker.evaluate(async () => JSON.stringify([await chrome.storage.local.get(), await chrome.storage.session.get()]));
  assert.ok(kept.includes("coffee.png") && !kept.includes(PASSPHRASE));
  assert.match(filesWith(browser.folder, Buffer.from("coffee.png")), /ledger/, "what is written is found");
  for (const coding of ["utf8", "utf16le"]) assert.equal(filesWith(browser.folder, Buffer.from(PASSPHRASE, coding)), "", "no file has it");
  await endHost(browser);
  const later = await browser.restoreFromMenu(source);
  await later.getByText("(KEY_LOCKED)").waitFor();
  await later.close();
});

/** The files below a folder that have these bytes in them, as grep finds them. */
function filesWith(folder, bytes) {
  const pattern = [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  return spawnSync("grep", ["-rlaP", pattern, folder], { env: { ...process.env, LC_ALL: "C" }, encoding: "utf8" }).stdout;
}

test("a page finds no way to the extension", async () => {
  await browser.chooseTier("one-pass"); // from here on: the tier makes no difference to what is looked at
  await browser.goto(`${site.origin}/attached/cat`);
  const found = await browser.evaluate(async (id) => ({
    runtime: typeof window.chrome?.runtime?.sendMessage,
    names: Object.keys(window).filter((name) => /srae/i.test(name)),
    file: await fetch(`chrome-extension://${id}/pages/viewer.html`).then(() => "read", () => "refused"),
  }), "ojmbpmiebdaininhleljkmghomdficil");
  assert.deepEqual(found, { runtime: "undefined", names: [], file: "refused" });
  // A handshake that comes late is refused: neither of a page's ports is spoken to, and photos are protected as before.
  await browser.goto(`${site.origin}/attached/late`);
  const heard = browser.evaluate(() => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve("heard");
    window.dispatchEvent(new CustomEvent("srae-secret", { detail: "mine" }));
    window.postMessage({ sraeSecret: "mine" }, "*", [port2]);
    setTimeout(resolve, 6000, "silence");
  }));
  await browser.choose("#pick", photo("cat.png"));
  await uploads.expect("late", ["cat.png"]);
  assert.equal(await heard, "silence");
});

test("in German: the popup, the options and the dialog, with nothing cut off", async () => {
  const german = await Chromium.launch(process.env.SRAE_TEST_EXTENSION, { language: "de" });
  try {
    await german.chooseTier("one-pass");
    await german.page.setViewportSize({ width: 900, height: 560 });
    await german.goto(`${site.origin}/attached/german`);
    await german.choose("#pick", photo("no-room.png"));
    assert.match(await german.waitForDialog(), /Das Hochladen wurde angehalten[^]*Nicht senden/);
    await german.screenshot(join(PICTURES, "dialog-german.png"));
    await german.press("Escape");
    for (const [path, width, words] of [[`popup.html?address=${encodeURIComponent(site.origin)}`, 380, "Fotos können geschützt werden."], ["options.html", 700, "Er entsteht, wenn das erste Foto geschützt wird."]]) {
      const page = await german.openOwnPage(path);
      await page.setViewportSize({ width, height: 720 });
      await page.getByText(words).waitFor();
      const cutOff = await page.evaluate(() => [...document.querySelectorAll("*")]
        .filter((element) => element.clientWidth > 0 && element.scrollWidth > element.clientWidth).map((element) => element.outerHTML));
      assert.deepEqual(cutOff, []);
      await page.screenshot({ path: join(PICTURES, `${path.split(".")[0]}-german.png`), fullPage: true });
    }
  } finally {
    await german.close();
  }
});

test("the dialog, for its picture", async () => {
  await browser.goto(`${site.origin}/attached/no-room`);
  await browser.page.setViewportSize({ width: 900, height: 560 });
  await browser.choose("#pick", photo("no-room.png"));
  assert.match(await browser.waitForDialog(), /UNCHANGED_OUTPUT/);
  await browser.screenshot(join(PICTURES, "dialog.png"));
  await browser.press("Escape");
});
