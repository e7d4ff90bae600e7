// Both languages have every text, and every text that the code asks for exists.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { OWN_CODES } from "../../shared/failure.js";
import { VECTORS } from "./vectors.js";

const ROOT = join(import.meta.dirname, "../..");
const read = (language) => JSON.parse(readFileSync(join(ROOT, `_locales/${language}/messages.json`), "utf8"));
const [en, de] = ["en", "de"].map(read);
const sources = ["background", "content", "pages", "manifest.json"].flatMap((part) =>
  part.endsWith(".json") ? [part] : readdirSync(join(ROOT, part), { recursive: true }).map((file) => join(part, file)))
  .filter((file) => /\.(js|html|json)$/.test(file)).map((file) => readFileSync(join(ROOT, file), "utf8")).join("\n");

test("both languages have the same texts, none empty, with the same places for values", () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  for (const [key, { message }] of Object.entries(en)) {
    const places = (text) => (text.match(/\$\d/g) ?? []).sort();
    assert.ok(message && de[key].message, key);
    assert.deepEqual(places(de[key].message), places(message), key);
  }
});

test("every text that is asked for exists, and every text is asked for", () => {
  const asked = [...sources.matchAll(/(?:\btext\(|getMessage\()\s*"(\w+)"|data-text="(\w+)"|__MSG_(\w+)__/g)].map((found) => found[1] ?? found[2] ?? found[3]);
  assert.ok(asked.length > 40);
  for (const key of asked) assert.ok(en[key], key);
  const unused = Object.keys(en).filter((key) => !key.startsWith("hint_") && !sources.includes(`"${key}"`) && !sources.includes(`__MSG_${key}__`));
  assert.deepEqual(unused, []);
});

test("every code of the protocol and of the extension has its hint; the English ones are the protocol's", () => {
  for (const { code, hint } of VECTORS.errors) assert.equal(en[`hint_${code}`]?.message, hint, code);
  for (const code of OWN_CODES) assert.ok(en[`hint_${code}`], code);
});
