// Parts of the background script that need no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isAboutHost } from "../../background/health.js";
import { givenName, hostName } from "../../background/photo_ports.js";
import { madeBefore, noteMade } from "../../background/made_photos.js";
import { change, modeOf, protectParams, setMode, settings, siteOf } from "../../background/policy.js";
import { RateLimit } from "../../background/rate_limit.js";
import { Room } from "../../shared/room.js";
import { domainsOf, filterOf, initiatorsFor, offSitesOf } from "../../background/wall.js";
import { VECTORS } from "./vectors.js";

const storage = () => {
  let kept = {};
  return { get: async (key) => ({ [key]: kept[key] }), set: async (more) => void (kept = { ...kept, ...more }) };
};

test("a site is on until the person decides otherwise; nonsense is refused", async () => {
  const own = storage();
  assert.equal(modeOf("example.org", await settings(own)), "on");
  await setMode("example.org", "ask", own);
  await change({ animations: "block" }, own);
  const all = await settings(own);
  assert.deepEqual([modeOf("example.org", all), all.animations, all.tier], ["ask", "block", "sealed"]);
  await assert.rejects(setMode("example.org", "sometimes", own), RangeError);
  await assert.rejects(change({ tier: "none" }, own), RangeError);
  await assert.rejects(change({ strength: "toString" }, own), RangeError);
});

test("what the host is told of each strength is what the protocol takes", async () => {
  const own = storage();
  assert.deepEqual(protectParams(await settings(own)), { tier: "sealed", protected_psnr_db: 42 });
  const page = "https://example.org";
  const params = (name) => VECTORS.requests.valid.find((vector) => vector.name === name).frame.params;
  for (const strength of ["strong", "normal", "gentle"]) {
    const told = protectParams(await change({ strength }, own));
    assert.deepEqual({ page_origin: page, ...told }, params(`protect, ${strength}`));
  }
  assert.deepEqual(protectParams(await change({ tier: "one-pass" }, own)), { tier: "one-pass" });
});

test("sites and the wall's filters", () => {
  assert.equal(siteOf("https://a.example.org:8443/x?y"), "a.example.org");
  assert.equal(siteOf("about:blank"), "");
  assert.equal(filterOf("https://example.org/up?token=secret#x"), "|https://example.org/up");
  assert.equal(filterOf("blob:https://example.org/1"), null);
  assert.equal(filterOf("https://example.org/a*b"), null);
  // what is another for each photo is left open
  for (const [address, filter] of Object.entries({
    "https://example.org/api/v1/albums/83720193/photos": "|https://example.org/api/v1/albums/*/photos",
    "https://example.org/rupload_igphoto/fb_uploader_1699999999999": "|https://example.org/rupload_igphoto/*",
    "https://photos.s3.example.org/3f2b8c1e-9a77-4c1d-8a55-0d9b7d3c2e11/cat.JPG": "|https://photos.s3.example.org/*/*",
    "https://example.org/upload/photo.php": "|https://example.org/upload/photo.php",
  })) assert.equal(filterOf(address), filter);
  assert.deepEqual(offSitesOf({ sites: { "a.org": "off", "b.org": "ask" } }), ["a.org"]);
});

test("the wall stands at the sites' own addresses for everybody, and at others for what the sites send", () => {
  const domains = domainsOf(["https://*.example.org/*", "http://example.org/*", "http://127.0.0.1/*", "http://[::1]/*"]);
  assert.deepEqual(domains, ["example.org", "127.0.0.1"]);
  for (const own of ["||up.example.org/x", "|https://example.org/up", "|http://127.0.0.1:8080/up"]) assert.deepEqual(initiatorsFor(own, domains), {}, own);
  for (const other of ["||photos.s3", "|https://notexample.org/up"]) assert.deepEqual(initiatorsFor(other, domains), { initiatorDomains: domains }, other);
  assert.deepEqual(initiatorsFor("||photos.s3", domainsOf(["https://*/*"])), {});
});

test("names that the host takes, and what the page gets", () => {
  assert.equal(hostName("../a\\b\u0000.png"), ".._a_b_.png");
  assert.equal(hostName(""), "photo");
  assert.equal(hostName("x".repeat(300)).length, 255);
  assert.equal(givenName("my cat.bmp", "photo", "photo.png"), "my cat.png");
  assert.equal(givenName("cat.png", "cat.png", "cat.png"), "cat.png");
});

test("a photo that was given out is known again by its bytes, the last thousand of them", async () => {
  const photo = (number) => ({ bytes: Uint8Array.of(number >> 8, number & 255), mime_type: "image/png" });
  for (let number = 0; number <= 1000; number += 1) await noteMade(photo(number), { is_protected: true, number });
  assert.deepEqual(await madeBefore(photo(7).bytes), { mime_type: "image/png", result: { is_protected: true, number: 7 } });
  assert.equal(await madeBefore(photo(0).bytes), undefined);
  assert.equal(await madeBefore(Uint8Array.of(9)), undefined);
});

test("one photo's failure is not the host's", () => {
  const ofPhotos = ["EMPTY_IMAGE", "NOT_AN_IMAGE", "UNSUPPORTED_FORMAT", "TRUNCATED_IMAGE", "DECOMPRESSION_BOMB", "ANIMATED_IMAGE",
    "IMAGE_TOO_SMALL", "IMAGE_TOO_LARGE", "UNSUPPORTED_OUTPUT", "UNCHANGED_OUTPUT", "CANCELLED", "FILE_TOO_LARGE", "NOT_IN_LEDGER",
    "INVALID_REQUEST", "TOO_MANY_REQUESTS", "FILE_SIZE_MISMATCH", "FILE_HASH_MISMATCH", "REQUEST_TIMEOUT", "SERVICE_REFUSED", "SIZE_MISMATCH", "UNKNOWN_ENTRY", "RECEIPT_MISMATCH", "IS_ORIGINAL", "RECEIPT_UNREADABLE", "LEDGER_FILE_INVALID", "RECEIPT_NOT_YOURS", "KEY_LOCKED", "KEY_UNUSABLE", "KEY_PASSPHRASE_WRONG"];
  const ofHost = ["HOST_NOT_INSTALLED", "HOST_FORBIDDEN", "HOST_DIED", "HOST_SILENT", "SERVICE_UNREACHABLE", "SERVICE_NOT_INSTALLED",
    "SERVICE_NOT_READY", "PROTOCOL_MISMATCH", "ORIGIN_NOT_ALLOWED", "LEDGER_UNUSABLE", "MALFORMED_FRAME", "FRAME_TOO_LARGE", "HELLO_FIRST", "UNKNOWN_ACTION", "DUPLICATE_ID", "CHUNK_OUT_OF_ORDER", "CHUNK_INVALID", "CHUNK_TIMEOUT", "INTERNAL", "SERVICE_DID_NOT_START", "SERVICE_BUSY", "SERVICE_TIMEOUT", "SERVICE_INCOMPATIBLE", "SERVICE_FAILED", "HOST_ANSWER_INVALID"];
  for (const code of ofPhotos) assert.ok(!isAboutHost(code), code);
  for (const code of ofHost) assert.ok(isAboutHost(code), code);
  assert.deepEqual([...ofPhotos, ...ofHost].sort(), VECTORS.errors.map(({ code }) => code).sort(), "each is one or the other");
});

test("so many photos a minute for each tab: more wait, each until its own turn", async () => {
  let now = 1000;
  const waits = [];
  const limit = new RateLimit({ count: 2, seconds: 60, now: () => now, sleep: async (milliseconds) => void waits.push(milliseconds) });
  for (const tab of [1, 1, 2]) await limit.turn(tab);
  assert.deepEqual(waits, []);
  now = 11000;
  for (const tab of [1, 1, 1, 2]) await limit.turn(tab);
  assert.deepEqual(waits, [50000, 50000, 110000]);
  now = 500000;
  await limit.turn(1);
  assert.equal(waits.length, 3);
});

test("a room lets in what it holds, and the rest in the order of coming", async () => {
  const room = new Room(3);
  const inside = [];
  const enter = (name, size) => room.enter(size).then(() => inside.push(name));
  const look = async () => (await new Promise((resolve) => setTimeout(resolve)), inside.join(""));
  enter("a", 2);
  enter("b", 2);
  enter("c", 1);
  assert.equal(await look(), "a", "none that came later goes first");
  room.leave(2);
  assert.equal(await look(), "abc");
});
