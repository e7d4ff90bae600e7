// What a browser's tests share: the photos, and the list of received files that the verifier judges at the end.

import assert from "node:assert/strict";
import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const PHOTOS = process.env.SRAE_TEST_PHOTOS;
export const photo = (name) => join(PHOTOS, name);

export class Uploads {
  #list = [];

  constructor(site) {
    this.site = site;
  }

  /**
   * Waits for the files of a case, and notes each for the verifier.
   * @param originals the names of the photos that they must come from, in any order where names are kept
   */
  async expect(name, originals, { nearly = originals.some((original) => original.endsWith(".jpg")), join: isOne = false, count = originals.length } = {}) {
    let files = await this.site.wait(name, count);
    assert.equal(files.length, count, `${name}: as many files as were chosen`);
    if (isOne) files = [{ name: originals[0], bytes: Buffer.concat(files.map(({ bytes }) => bytes)) }];
    for (const [index, { name: own, bytes }] of files.entries()) {
      const original = originals.includes(own) ? own : originals[index];
      assert.notDeepEqual(bytes, readFileSync(photo(original)), `${name}: ${original} came unprotected`);
      this.#list.push({ name: `${name}/${original}`, received: this.site.keep(`${name}-${index}`, bytes), original: photo(original), nearly });
    }
  }

  /** Waits until no more pieces of a photo come, and notes it as one. */
  async expectPieces(name, original) {
    let count = 0;
    await this.site.wait(name, 1);
    while (count < this.site.received(name).length) {
      count = this.site.received(name).length;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    await this.expect(name, [original], { count, join: true });
  }

  /** Whether nothing came, a little later. */
  async expectNothing(name, milliseconds = 700) {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    assert.deepEqual(this.site.received(name).map(({ bytes }) => bytes.length), [], `${name}: nothing may come`);
  }

  /**
   * Ends a browser's tests. The site goes first: left open, it keeps node running where something after it fails. What was
   * noted is kept in the folder with the browser's ledger and keys, for the verifier.
   */
  async end(browser, folder) {
    this.site.stop();
    await browser.close();
    if (this.#list.length === 0) return;
    writeFileSync(join(folder, "uploads.json"), JSON.stringify(this.#list));
    copyFileSync(join(browser.folder, "ledger.sqlite3"), join(folder, "ledger.sqlite3"));
    cpSync(join(browser.folder, "config"), join(folder, "config"), { recursive: true });
  }
}
