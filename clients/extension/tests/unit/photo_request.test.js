// A photo on its way to the background script: piece by piece, so that many at once are never in one place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CHUNK_BYTES } from "../../shared/chunks.js";
import { protectPhoto } from "../../content/own_world/photo_request.js";

/** A port to a background script, as chrome.runtime.connect gives it. */
function fakePort() {
  const heard = [];
  const listener = () => ({ addListener(listen) { this.say = listen; } });
  const port = { sent: [], isOpen: true, onMessage: listener(), onDisconnect: listener(), disconnect: () => (port.isOpen = false) };
  port.postMessage = (message) => {
    if (!port.isOpen) throw new Error("disconnected");
    port.sent.push(message);
    heard.splice(0).forEach((wake) => wake());
  };
  port.until = async (count) => {
    while (port.sent.length < count) await new Promise((resolve) => heard.push(resolve));
  };
  globalThis.chrome = { runtime: { id: "own", connect: () => port } };
  return port;
}

/** A file of three pieces that counts how many are read at once. */
function fakeFile(pieces = ["AAAA", "BBBB", "CCCC"]) {
  const file = { name: "x.png", type: "image/png", size: 2 * CHUNK_BYTES + 1, reading: 0, most: 0, made: [] };
  file.read = async (seq) => {
    file.most = Math.max(file.most, ++file.reading);
    await null;
    file.reading -= 1;
    return pieces[seq];
  };
  file.take = (seq, data) => file.made.push([seq, data]);
  return file;
}

const way = () => ({ onStage() {}, signal: new AbortController().signal });

test("pieces go out one after the other, and come back one by one", async () => {
  const [port, file] = [fakePort(), fakeFile()];
  const work = protectPhoto(file, way());
  await port.until(4);
  assert.deepEqual(port.sent.map(({ type, seq, data }) => [type, seq, data]),
    [["photo", undefined, undefined], ["chunk", 0, "AAAA"], ["chunk", 1, "BBBB"], ["chunk", 2, "CCCC"]]);
  assert.equal(file.most, 1);
  port.onMessage.say({ type: "chunk", seq: 0, data: "ZZZZ" });
  port.onMessage.say({ type: "protected", name: "x.png", mime_type: "image/png", size_bytes: 3, result: { is_protected: true } });
  assert.deepEqual(await work, { name: "x.png", type: "image/png", size: 3, result: { is_protected: true } });
  assert.deepEqual(file.made, [[0, "ZZZZ"]]);
  assert.equal(port.isOpen, false);
});

test("a file that can not be read, and one that is cancelled while it is read", async () => {
  await assert.rejects(protectPhoto((fakePort(), fakeFile(["AAAA", null])), way()), { code: "UNREADABLE_FILE" });
  const abort = new AbortController();
  const port = fakePort();
  const work = protectPhoto(fakeFile(), { onStage() {}, signal: abort.signal });
  abort.abort();
  await assert.rejects(work, { code: "CANCELLED" });
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(port.sent.length, 1, "nothing is read for a port that is closed");
});
