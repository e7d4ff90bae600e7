// What a browser's tests share: the photos, and the list of received files that the verifier judges at the end.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PYTHON } from "./service.js";

const VERIFY = join(import.meta.dirname, "verify.py");
export const PHOTOS = process.env.SRAE_TEST_PHOTOS;
export const photo = (name) => join(PHOTOS, name);

export class Uploads {
  #list = [];
  #whole = new Map(); // how many pieces a photo had: that no more come is looked at in the end

  constructor(site) {
    this.site = site;
  }

  /**
   * Waits for the files of a case, and notes each for the verifier.
   * @param originals the names of the photos that they must come from, in any order where names are kept
   */
  async expect(name, originals, { nearly = false, join: isOne = false, count = originals.length } = {}) {
    let files = await this.site.wait(name, count);
    assert.equal(files.length, count, `${name}: as many files as were chosen`);
    if (isOne) files = [{ name: originals[0], bytes: Buffer.concat(files.map(({ bytes }) => bytes)) }];
    for (const [index, { name: own, bytes }] of files.entries()) {
      const original = originals.includes(own) ? own : originals[index];
      assert.notDeepEqual(bytes, readFileSync(photo(original)), `${name}: ${original} came unprotected`);
      this.#list.push({ name: `${name}/${original}`, received: this.site.keep(`${name}-${index}`, bytes), original: photo(original), nearly });
    }
  }

  /** Waits until all pieces of a photo came, which is a PNG, and notes it as one. */
  async expectPieces(name, original) {
    let count = 1;
    while (!isWholePng(await this.site.wait(name, count))) count = this.site.received(name).length + 1;
    await this.expect(name, [original], { count: this.site.received(name).length, join: true });
    this.#whole.set(name, this.site.received(name).length);
  }

  /** Whether nothing came, a little later. */
  async expectNothing(name, milliseconds = 700) {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    assert.deepEqual(this.site.received(name).map(({ bytes }) => bytes.length), [], `${name}: nothing may come`);
  }

  /**
   * Ends a browser's tests. The site goes first: left open, it keeps node running where something after it fails. What came is
   * judged by `srae restore` with the ledger and the keys of that browser's host, while other browsers are still at it.
   */
  async end(browser, folder, passphrase = "open sesame") {
    this.site.stop();
    await browser.close();
    for (const [name, count] of this.#whole) assert.equal(this.site.received(name).length, count, `${name}: no more came`);
    if (this.#list.length === 0) return;
    const list = join(folder, "uploads.json");
    writeFileSync(list, JSON.stringify(this.#list));
    const env = { ...browser.env, SRAE_PASSPHRASE: passphrase }; // a test may have put the key under it (lockKey)
    const judged = await new Promise((resolve) =>
      execFile(PYTHON, [VERIFY, list, join(folder, "restored")], { env }, (error, told, complaints) => resolve({ error, text: told + complaints })));
    writeFileSync(join(folder, "judged.txt"), judged.text);
    assert.ok(!judged.error, judged.text);
  }
}

const END_OF_PNG = Buffer.from("0000000049454e44ae426082", "hex");
const isWholePng = (files) => Buffer.concat(files.map(({ bytes }) => bytes)).subarray(-END_OF_PNG.length).equals(END_OF_PNG);
