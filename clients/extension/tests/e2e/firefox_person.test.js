// Firefox: what a person does with the browser's own windows, and what the settings make of it. Where Firefox lacks a way to
// a photo that Chromium has, a test says so; where no driver can work the system's part of a way, the test names what stands in.

import assert from "node:assert/strict";
import { copyFileSync, cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FirefoxWindows } from "./support/firefox_windows.js";
import { lockKey } from "./support/service.js";
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
});

after(async () => {
  site.stop();
  uploads.save(join(OUT, "uploads.json"));
  await browser.close();
  copyFileSync(join(browser.folder, "ledger.sqlite3"), join(OUT, "ledger.sqlite3"));
  cpSync(join(browser.folder, "config"), join(OUT, "config"), { recursive: true });
});

const open = (page, name = page) => browser.goto(`${site.origin}/${page}/${name}`);
const says = (tab, words) => browser.until((text) => document.body.innerText.includes(text), words, tab);

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
