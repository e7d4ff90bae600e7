// What the extension may do: fixed ids, named sites, no code from elsewhere.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { manifest } from "../../build.js";

const made = manifest([]);
const protocol = readFileSync(join(import.meta.dirname, "../../../native_host/PROTOCOL.md"), "utf8");

test("the ids are those of the protocol", () => {
  const digest = createHash("sha256").update(Buffer.from(made.key, "base64")).digest("hex").slice(0, 32);
  const id = Array.from(digest, (digit) => String.fromCharCode(97 + parseInt(digit, 16))).join("");
  assert.ok(protocol.includes(id));
  assert.ok(protocol.includes(`\`${made.browser_specific_settings.gecko.id}\``));
});

test("named sites only, scripts of both worlds everywhere in them, no code from elsewhere", () => {
  for (const pattern of made.host_permissions) assert.match(pattern, /^https:\/\/(\*\.)?[a-z]+(\.[a-z]+)+\/\*$/);
  assert.deepEqual(made.content_scripts.map(({ world }) => world), ["MAIN", "ISOLATED"]);
  for (const script of made.content_scripts) {
    assert.deepEqual([script.run_at, script.all_frames, script.match_about_blank, script.match_origin_as_fallback], ["document_start", true, true, true]);
    assert.deepEqual(script.matches, made.host_permissions);
  }
  const policy = made.content_security_policy.extension_pages;
  assert.match(policy, /default-src 'none'; script-src 'self';/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.equal(made.web_accessible_resources, undefined);
  assert.equal(made.externally_connectable, undefined);
});
