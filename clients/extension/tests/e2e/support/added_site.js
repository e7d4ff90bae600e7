// A site that the person added, tested alike in both browsers: the same scripts are there, by another way than on named ones.

import { photo } from "./uploads.js";

/** Photos that are chosen on the added site, in a page and in a frame without scripts, come protected. */
export async function testAdded({ browser, site, uploads }, name) {
  await browser.goto(`${site.addedOrigin}/attached/${name}`);
  await browser.choose("#pick", photo("cat.png"));
  await uploads.expect(name, ["cat.png"]);
  await browser.goto(`${site.addedOrigin}/framed/${name}-frame/scriptless`);
  await browser.chooseInFrame(photo("coffee.png"));
  await browser.clickInFrame("#go");
  await uploads.expect(`${name}-frame`, ["coffee.png"]);
}
