// Upload widgets that real sites have, from their own packages, each in a page as its documentation shows it.

import { buildSync } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { photo } from "./uploads.js";

const SOURCES = join(import.meta.dirname, "../widgets");
const folder = () => join(process.env.SRAE_TEST_OUT, "widgets");

/** The widgets by name: where a file is chosen, whether files can be dropped on #zone, whether they are sent in pieces. */
export const WIDGETS = {
  blueimp: { input: "#pick" },
  dropzone: { input: ".dz-hidden-input", drops: true },
  dropzone_chunks: { input: ".dz-hidden-input", inPieces: true },
  filepond: { input: "input[type=file]" },
  fineuploader: { input: "input[type=file]" },
  plupload: { input: "input[type=file]", drops: true, inPieces: true },
  reactdropzone: { input: "input[type=file]", drops: true, zone: "#root > div" },
  resumable: { input: "input[type=file]", drops: true, inPieces: true },
  uppy: { input: ".uppy-Dashboard-input", drops: true, zone: ".uppy-Dashboard-AddFiles" },
};

/** Bundles every widget once, before the browsers start. */
export function bundleWidgets() {
  buildSync({
    entryPoints: readdirSync(SOURCES).map((name) => join(SOURCES, name)), outdir: folder(), bundle: true,
    define: { "process.env.NODE_ENV": '"production"' }, logLevel: "error",
  });
}

export const widgetScript = (name) => readFileSync(join(folder(), `${name}.js`));
export const widgetPage = (name, upload) => `<!doctype html><meta charset="utf-8"><title>A site</title><body>
  <script>window.UPLOAD = new URL(${JSON.stringify(upload)}, location).href</script><script src="/bundle/${name}"></script>`;

/**
 * A test of each widget: what is chosen, and where the browser's driver can drop, what is dropped.
 * @param own gives the browser, the site and its uploads, once they run
 */
export function testWidgets(own) {
  for (const [name, { input, drops, zone = "#zone", inPieces = false }] of Object.entries(WIDGETS)) {
    test(`a site's widget: ${name}`, async () => {
      const { browser, site, uploads } = own();
      const arrived = (page, original) => (inPieces ? uploads.expectPieces(page, original) : uploads.expect(page, [original]));
      await browser.goto(`${site.origin}/widget/${name}/${name}-chosen`);
      await browser.until((selector) => document.querySelector(selector) !== null, input);
      await browser.choose(input, photo("cat.png"));
      await arrived(`${name}-chosen`, "cat.png");
      if (!drops || !browser.drop) return;
      await browser.goto(`${site.origin}/widget/${name}/${name}-dropped`);
      await browser.until((selector) => document.querySelector(selector) !== null, zone);
      await new Promise((resolve) => setTimeout(resolve, 300)); // some listen a moment after the zone is there
      const [x, y] = await browser.evaluate((selector) => {
        const { left, top, width, height } = document.querySelector(selector).getBoundingClientRect();
        return [left + width / 2, top + height / 2];
      }, zone);
      await browser.drop([photo("coffee.png")], x, y);
      await arrived(`${name}-dropped`, "coffee.png");
    });
  }
}
