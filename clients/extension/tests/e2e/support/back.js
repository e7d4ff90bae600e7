// A page that the person goes back to, tested alike in both browsers: the browser kept it as it was, and told it nothing meanwhile.

import assert from "node:assert/strict";
import test from "node:test";
import { photo } from "./uploads.js";

/** A test that a site which was switched on meanwhile is on in the page that was kept. */
export function testBack(own) {
  test("a site that is off, left, switched on, and gone back to: its page protects", async () => {
    const { browser, site, uploads } = own();
    const { hostname } = new URL(site.origin);
    await browser.setMode(hostname, "off");
    await browser.goto(`${site.origin}/attached/back`);
    await browser.evaluate(() => window.addEventListener("pageshow", ({ persisted }) => { window.wasKept = persisted; }));
    await browser.goto(`${site.otherOrigin}/empty/elsewhere`);
    await browser.setMode(hostname, "on");
    await browser.back();
    await browser.until(() => document.getElementById("pick") !== null);
    assert.equal(await browser.evaluate(() => window.wasKept), true, "the browser kept the page");
    await browser.choose("#pick", photo("cat.png"));
    await uploads.expect("back", ["cat.png"]);
  });
}
