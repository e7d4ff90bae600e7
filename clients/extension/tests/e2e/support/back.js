// A page that the person goes back to, tested alike in both browsers: the browser kept it as it was, and told it nothing meanwhile.

import assert from "node:assert/strict";
import test from "node:test";
import { photo } from "./uploads.js";

const WHY_NOT = () => JSON.stringify(performance.getEntriesByType("navigation")[0].notRestoredReasons ?? null); // Chromium tells

/** Leaves a page while its site is off, and goes back to it once it is on. Resolves with whether the browser had kept it. */
async function goBack(browser, site) {
  const { hostname } = new URL(site.origin);
  await browser.setMode(hostname, "off");
  await browser.goto(`${site.origin}/attached/back`);
  await browser.evaluate(() => window.addEventListener("pageshow", ({ persisted }) => { window.wasKept = persisted; }));
  await browser.goto(`${site.otherOrigin}/empty/elsewhere`);
  await browser.setMode(hostname, "on");
  await browser.back();
  // A page that was kept is there before it is told so; another has been loaded anew.
  await browser.until(() => document.getElementById("pick") !== null &&
    (window.wasKept || performance.getEntriesByType("navigation")[0]?.type === "back_forward"));
  return browser.evaluate(() => window.wasKept === true);
}

/** A test that a site which was switched on meanwhile is on in the page that was kept. */
export function testBack(own) {
  test("a site that is off, left, switched on, and gone back to: its page protects", async () => {
    const { browser, site, uploads } = own();
    // A browser that is short of memory gives pages up: it is asked again.
    for (let tries = 5; !(await goBack(browser, site)); tries -= 1) {
      assert.ok(tries > 0, `the browser never kept the page: ${await browser.evaluate(WHY_NOT)}`);
    }
    await browser.choose("#pick", photo("cat.png"));
    await uploads.expect("back", ["cat.png"]);
  });
}
