// What a page sends without a person's choosing it, tested alike in both browsers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { photo } from "./uploads.js";

/** Tests that what is no photo arrives in spite of what happens around it. */
export function testSent(own) {
  const open = (page, name) => own().browser.goto(`${own().site.origin}/${page}/${name}`);

  test("what is sent as the page is left arrives, where it is no photo", async () => {
    await open("leaving", "leaving");
    await open("empty", "empty");
    const sent = (await own().site.wait("leaving", 4)).map(({ bytes }) => String(bytes));
    assert.equal(sent.filter((text) => text === '{"draft":1}').length, 3);
  });

  test("messages behind one that fails, and before the port's end, arrive", async () => {
    const { browser, uploads } = own();
    await open("sinks", "messages");
    await browser.evaluate((data) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = (event) => send(event.data.file, "cat.png");
      port2.postMessage({ file: window.fileOf(data, "x.png"), broken: () => {} });
      port2.postMessage({ file: window.fileOf(data, "cat.png") });
      port2.close();
    }, readFileSync(photo("cat.png")).toString("base64"));
    await uploads.expect("messages", ["cat.png"]);
    assert.equal((await browser.evaluate(() => window.errors)).length, 1, "the page is told of its mistake");
  });
}
