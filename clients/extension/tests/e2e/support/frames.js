// Frames without an origin of their own, or without scripts, tested alike in both browsers.

import assert from "node:assert/strict";
import test from "node:test";
import { FRAMES } from "./pages.js";
import { photo } from "./uploads.js";

/**
 * Tests of each frame: what is chosen in it is protected; what can not be is stopped, and the dialog is in the page around.
 * @param own gives the browser, the site and its uploads, once they run
 */
export function testFrames(own) {
  for (const frame of Object.keys(FRAMES)) {
    test(`a frame that is ${frame}: protected or stopped, and the dialog is in the page around it`, async () => {
      const { browser, site, uploads } = own();
      await browser.goto(`${site.origin}/framed/frame-${frame}/${frame}`);
      await browser.chooseInFrame(photo("cat.png"));
      if (frame === "scriptless") await browser.clickInFrame("#go"); // at once: the form waits for its photo
      await uploads.expect(`frame-${frame}`, ["cat.png"]);
      await browser.goto(`${site.origin}/framed/stopped-${frame}/${frame}`);
      await browser.chooseInFrame(photo("no-room.png"));
      assert.match(await browser.waitForDialog(), /The upload was stopped[^]*no-room\.png[^]*UNCHANGED_OUTPUT/);
      await browser.press("Enter");
      await uploads.expectNothing(`stopped-${frame}`);
      assert.equal(await browser.dialog(), null);
    });
  }
}

/** A test of a photo that a classifier still sees as it is: the person is told before anything is sent, also in a small frame. */
export function testUnprotected(own, picture) {
  test("a photo whose answer did not change is sent only when the person, told so, says so", async () => {
    const { browser, site, uploads } = own();
    await browser.goto(`${site.origin}/framed/unprotected/sandboxed`);
    await browser.chooseInFrame(photo("halftone.png"));
    assert.match(await browser.waitForDialog(), /Not protected[^]*halftone\.png: microphone \(\d+ % before, \d+ % now\)/);
    await browser.screenshot(picture());
    await browser.press("Enter");
    await uploads.expectNothing("unprotected");
    await browser.chooseInFrame(photo("halftone.png"));
    await browser.waitForDialog();
    await browser.press("Tab");
    await browser.press("Enter");
    await uploads.expect("unprotected", ["halftone.png"]);
  });
}
