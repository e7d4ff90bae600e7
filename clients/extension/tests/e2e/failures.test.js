// Chromium: whatever fails, the upload is stopped, the page gets nothing, and a dialog that a keyboard works says why.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Chromium, EXTENSION_ID } from "./support/chromium.js";
import { testAdded } from "./support/added_site.js";
import { coverDialog } from "./support/cover.js";
import { crashDuring, endHost, hostProcess, kill, whileStopped } from "./support/host_process.js";
import { HOST, installHost, PYTHON } from "./support/service.js";
import { Site } from "./support/site.js";
import { photo, Uploads } from "./support/uploads.js";

let site;
let uploads;

before(async () => {
  site = await new Site(join(process.env.SRAE_TEST_OUT, "failures")).start();
  uploads = new Uploads(site);
});
after(() => site.stop());

/** Tests that share a browser, one after the other: it is made for the first of them. */
function withBrowser(name, options, tests) {
  describe(name, () => {
    let browser;
    before(async () => {
      browser = await Chromium.launch(process.env.SRAE_TEST_EXTENSION, options);
      await browser.worker.evaluate(() => chrome.alarms.clearAll()); // it would look for the host while a test changes it
    });
    after(() => browser.close());
    tests(() => browser);
  });
}

const open = (browser, name) => browser.goto(`${site.origin}/attached/${name}`);

/** Chooses a photo, and sees the upload stopped with that code; Enter is the safe answer. */
async function stopped(browser, name, code, { file = "cat.png", isOpen = false } = {}) {
  if (!isOpen) await open(browser, name);
  await browser.choose("#pick", photo(file));
  const text = await browser.waitForDialog();
  assert.match(text, /The upload was stopped/);
  assert.match(text, new RegExp(code), text);
  await browser.press("Enter");
  await uploads.expectNothing(name);
  assert.equal(await browser.dialog(), null);
  assert.deepEqual(await browser.evaluate(() => window.seen), []);
}

const manifests = (browser) => join(browser.folder, "profile/NativeMessagingHosts");
const install = (browser) => installHost(browser.env, "--profile-dir", join(browser.folder, "profile"));

/** A host manifest as a broken installation has it; the browser reads it whenever it starts the host. */
function breakManifest(browser, { path, origins = [`chrome-extension://${EXTENSION_ID}/`] }) {
  const folder = manifests(browser);
  mkdirSync(folder, { recursive: true });
  const made = { name: "srae.host", description: "test", type: "stdio", path, allowed_origins: origins };
  writeFileSync(join(folder, "srae.host.json"), JSON.stringify(made));
}

/** The real host, started in another way than it was installed. */
function startHostBy(browser, command) {
  install(browser);
  const path = join(browser.folder, "profile/another-way");
  writeFileSync(path, `#!/bin/sh\nexec ${command} "$@"\n`);
  chmodSync(path, 0o755);
  breakManifest(browser, { path });
}

withBrowser("an installation that is broken, in one way after another", { install: () => {} }, (own) => {
  test("no host; then the original once, which is logged and passes the wall", async () => {
    const browser = own();
    await stopped(browser, "no-host", "HOST_NOT_INSTALLED");
    const rules = await browser.worker.evaluate(() => chrome.declarativeNetRequest.getSessionRules());
    assert.ok(rules.length > 0, "the wall stands");
    assert.equal(await browser.badge(), "!");
    await browser.choose("#pick", photo("cat.png"));
    await browser.waitForDialog();
    await browser.press("Tab");
    await browser.press("Enter");
    assert.deepEqual((await site.wait("no-host", 1))[0].bytes, readFileSync(photo("cat.png")));
    const { originalsSent } = await browser.worker.evaluate(() => chrome.storage.local.get("originalsSent"));
    assert.deepEqual(originalsSent.map(({ site: where, count, code }) => ({ where, count, code })),
      [{ where: "127.0.0.1", count: 1, code: "HOST_NOT_INSTALLED" }]);
    await browser.choose("#pick", photo("coffee.png"));
    await browser.waitForDialog();
    await browser.press("Escape");
    assert.equal(site.received("no-host").length, 1, "once is once");
  });

  test("what a page lays over the dialog: a press through it sends nothing, one on the dialog does", async () => {
    const browser = own();
    await browser.goto(`${site.origin}/overlay/overlay`);
    await browser.choose("#pick", photo("cat.png"));
    await coverDialog(browser);
    await browser.clickButton("Send the original once");
    await uploads.expectNothing("overlay", 1500); // meanwhile the dialog is above it, and in sight
    for (let tries = 0; tries < 10 && (await browser.dialog()) !== null; tries += 1) {
      await browser.clickButton("Send the original once"); // a busy browser tells late that it is in sight
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    assert.deepEqual((await site.wait("overlay", 1))[0].bytes, readFileSync(photo("cat.png")));
  });

  test("a press through what lies over the dialog does not ready a key to send the original", async () => {
    const browser = own();
    await browser.goto(`${site.origin}/overlay/overlay-key`);
    await browser.choose("#pick", photo("cat.png"));
    await coverDialog(browser);
    await browser.clickButton("Send the original once");
    await browser.press("Enter");
    await browser.until(() => !document.querySelector("srae-shade"));
    await uploads.expectNothing("overlay-key");
  });

  test("a dialog that the page puts elsewhere is answered with no", async () => {
    const browser = own();
    await open(browser, "moved");
    await browser.choose("#pick", photo("cat.png"));
    await browser.waitForDialog();
    await browser.evaluate(() => document.body.append(document.querySelector("srae-shade")));
    await uploads.expectNothing("moved");
    assert.equal(await browser.dialog(), null);
  });

  test("many large photos at once", async () => {
    const folder = join(process.env.SRAE_TEST_OUT, "failures/many");
    mkdirSync(folder, { recursive: true });
    const files = Array.from({ length: 120 }, (_, index) => join(folder, `${index}.png`));
    for (const file of files) {
      copyFileSync(photo("cat.png"), file);
      truncateSync(file, 12e6); // its end is a hole, which takes no room on the disk
    }
    await open(own(), "many");
    await own().choose("#pick", files);
    assert.match(await own().waitForDialog(120), /HOST_NOT_INSTALLED/);
    await own().press("Enter");
    await uploads.expectNothing("many");
  });

  test("a path that leads nowhere", async () => {
    breakManifest(own(), { path: "/nowhere/srae-host" });
    await stopped(own(), "bad-path", "HOST_NOT_INSTALLED");
  });

  test("an origin that is refused, by the browser", async () => {
    breakManifest(own(), { path: "/bin/true", origins: [`chrome-extension://${"a".repeat(32)}/`] });
    await stopped(own(), "forbidden", "HOST_FORBIDDEN");
  });

  test("a service that is down", async () => {
    startHostBy(own(), `env SRAE_ENDPOINT=127.0.0.1:9 ${HOST}`);
    await stopped(own(), "service-down", "SERVICE_UNREACHABLE");
    await endHost(own());
  });

  test("a host that speaks another protocol", async () => {
    // Told by a go-between that the extension speaks versions that it does not.
    startHostBy(own(), `${PYTHON} ${join(import.meta.dirname, "support/other_version.py")}`);
    await stopped(own(), "mismatch", "PROTOCOL_MISMATCH");
  });

  test("mended: photos are protected again", async () => {
    const browser = own();
    install(browser);
    await open(browser, "mended");
    await browser.choose("#pick", photo("cat.png"));
    assert.notDeepEqual((await site.wait("mended", 1))[0].bytes, readFileSync(photo("cat.png")));
    assert.notEqual(await browser.badge(), "!");
  });
});

withBrowser("a host as it was installed", {}, (own) => {
  test("photos that can not be protected: cut off, huge, without room; then one that can", async () => {
    const browser = own();
    await stopped(browser, "cut-off", "TRUNCATED_IMAGE", { file: "cut-off.jpg" });
    await stopped(browser, "huge", "(IMAGE_TOO_LARGE|DECOMPRESSION_BOMB)", { file: "huge.png" });
    await stopped(browser, "no-room", "UNCHANGED_OUTPUT", { file: "no-room.png" });
    await open(browser, "well");
    await browser.choose("#pick", photo("cat.png"));
    assert.notDeepEqual((await site.wait("well", 1))[0].bytes, readFileSync(photo("cat.png")));
  });

  test("cancelling while a photo is being protected", async () => {
    const browser = own();
    await browser.chooseTier("one-pass"); // from here on: what is seen here is the same in both tiers
    await open(browser, "cancel");
    await browser.evaluate(() => document.getElementById("pick").addEventListener("cancel", () => (window.isCancelled = true)));
    await whileStopped(browser, async () => {
      await browser.choose("#pick", photo("cat.png"));
      await browser.clickButton("Cancel");
    });
    await uploads.expectNothing("cancel");
    assert.equal(await browser.dialog(), null);
    assert.equal(await browser.evaluate(() => window.isCancelled), true);
    await browser.choose("#pick", photo("cat.png"));
    assert.notDeepEqual((await site.wait("cancel", 1))[0].bytes, readFileSync(photo("cat.png")));
  });

  test("a site that the person added: photos are protected there too, and the popup says so; a site that is not added", async () => {
    // The browser's own question can not be answered here: the build has the permission as if it had been.
    const browser = own();
    await testAdded({ browser, site, uploads }, "added");
    const popup = await browser.openOwnPage(`popup.html?address=${encodeURIComponent(site.addedOrigin)}`);
    await popup.locator("input[value=on]:checked").waitFor();
    await popup.goto(popup.url().replace(encodeURIComponent(site.addedOrigin), encodeURIComponent(site.unnamedOrigin)));
    await popup.getByText("The extension is not active on this site.").waitFor();
    await popup.close();
  });

  test("a site that the person added, after the browser was started again: it forgets an unpacked extension's scripts", async () => {
    const browser = own();
    await browser.restart();
    const { length } = await browser.worker.evaluate(async () => {
      for (let tries = 0; tries < 400 && (await chrome.scripting.getRegisteredContentScripts()).length === 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
      return chrome.scripting.getRegisteredContentScripts();
    });
    assert.equal(length, 2);
    await testAdded({ browser, site, uploads }, "added-again");
  });

  test("what is registered for added sites is put right: broken, twice at once, taken back", async () => {
    const page = await own().openOwnPage("popup.html");
    const registered = await page.evaluate(async () => {
      const { registerGrantedSites } = await import(chrome.runtime.getURL("background/granted_sites.js"));
      const { origins } = await chrome.permissions.getAll();
      const states = [];
      const note = async () => states.push((await chrome.scripting.getRegisteredContentScripts()).map(({ world, matches, matchOriginAsFallback }) => [world, matches, matchOriginAsFallback]));
      chrome.permissions.getAll = async () => ({ origins: [...origins, "https://example.org/*"] });
      await Promise.all([registerGrantedSites(), registerGrantedSites()]);
      await note();
      chrome.permissions.getAll = async () => ({ origins: origins.filter((origin) => !origin.includes("granted")) });
      await registerGrantedSites();
      await note();
      chrome.permissions.getAll = async () => ({ origins });
      await registerGrantedSites();
      await note();
      return states;
    });
    const both = (...matches) => ["MAIN", "ISOLATED"].map((world) => [world, matches, true]);
    assert.deepEqual(registered, [both("http://granted.localhost/*", "https://example.org/*"), [], both("http://granted.localhost/*")]);
    await page.close();
  });

  test("a host that crashes, one that hangs; Try again works", async () => {
    const browser = own();
    await open(browser, "crash");
    await browser.choose("#pick", photo("coffee.png"));
    await site.wait("crash", 1);
    await crashDuring(browser, () => browser.choose("#pick", photo("cat.png")));
    assert.match(await browser.waitForDialog(), /HOST_DIED/);
    assert.equal(site.received("crash").length, 1);
    await browser.press("Tab");
    await browser.press("Enter"); // try again: a new host
    assert.notDeepEqual((await site.wait("crash", 2))[1].bytes, readFileSync(photo("cat.png")));

    await open(browser, "hang");
    const pid = await hostProcess(browser);
    process.kill(pid, "SIGSTOP");
    await stopped(browser, "hang", "HOST_SILENT", { isOpen: true }).finally(() => kill(pid));
  });

  test("the wall stops what no script sees: an upload to a known address while the host is gone", async () => {
    const browser = own();
    await open(browser, "wall");
    await browser.choose("#pick", photo("cat.png"));
    await site.wait("wall", 1);
    await browser.learned(`${site.origin}/upload/wall`);
    await browser.goto(`${site.origin}/elsewhere/wall-elsewhere`);
    await browser.choose("#pick", photo("cat.png"));
    await site.wait("wall-elsewhere", 1);
    await browser.learned(`${site.unnamedOrigin}/upload/wall-elsewhere`);
    execFileSync("rm", [join(manifests(browser), "srae.host.json")]);
    await endHost(browser);
    await stopped(browser, "wall-2", "HOST_NOT_INSTALLED").finally(() => install(browser));
    await open(browser, "wall");
    for (const [name, origin] of [["wall", site.origin], ["wall-elsewhere", site.unnamedOrigin]]) {
      const sent = await browser.evaluate((address) => fetch(address, { method: "POST", mode: "no-cors", body: "base64 in JSON" }).then(() => "sent", () => "stopped"),
        `${origin}/upload/${name}`);
      assert.equal(sent, "stopped", name);
      assert.equal(site.received(name).length, 1);
    }
  });

  test("a site that asks; a site that is off", async () => {
    const browser = own();
    const popup = await browser.openOwnPage(`popup.html?address=${encodeURIComponent(site.origin)}`);
    const setMode = async (mode) => {
      await popup.bringToFront();
      await popup.click(`input[value=${mode}]`);
      await popup.waitForFunction(async (wanted) => (await chrome.runtime.sendMessage({ type: "site", site: "127.0.0.1" })).value.mode === wanted, mode);
      await browser.page.bringToFront();
    };
    await setMode("ask");
    await open(browser, "ask");
    await browser.choose("#pick", photo("cat.png"));
    assert.match(await browser.waitForDialog(), /Protect before sending\?/);
    await browser.press("Escape");
    await uploads.expectNothing("ask");
    await browser.choose("#pick", photo("cat.png"));
    await browser.waitForDialog();
    await browser.press("Enter");
    assert.notDeepEqual((await site.wait("ask", 1))[0].bytes, readFileSync(photo("cat.png")));
    await setMode("off");
    await browser.choose("#pick", photo("coffee.png"));
    assert.deepEqual((await site.wait("ask", 2))[1].bytes, readFileSync(photo("coffee.png")));
    await setMode("on");
    await popup.close();
  });

  test("an extension that is reloaded under the page", async () => {
    const browser = own();
    await open(browser, "reload");
    const gone = browser.worker.waitForEvent("close");
    await browser.worker.evaluate(() => void setTimeout(() => chrome.runtime.reload(), 500));
    await gone;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await browser.choose("#pick", photo("cat.png"));
    const text = await browser.waitForDialog();
    assert.match(text, /Load the page again/);
    assert.doesNotMatch(text, /Send the original once/);
    await browser.press("Enter");
    await uploads.expectNothing("reload");
  });
});
