// The port: hello first, requests by id, files checked, every end a Failure with its code.

import assert from "node:assert/strict";
import { test } from "node:test";
import { disconnectCode, HostPort, PENDING_BYTES } from "../../background/host_port.js";
import { describe, split } from "../../shared/chunks.js";
import { FakeHost, HELLO } from "./fake_host.js";
import { VECTORS } from "./vectors.js";

const bytes = Uint8Array.from({ length: 300000 }, (_, index) => index % 251);
const error = (id, code) => ({ type: "error", id, code, message: "words", hint: "a hint", retryable: true, detail: {} });

/** A host that answers hello, and the rest as told. */
const made = (answer) => {
  const fake = new FakeHost((frame) => (frame.action === "hello" ? HELLO(frame) : answer(frame)));
  return { fake, host: new HostPort(fake) };
};

test("says hello first, once for all requests", async () => {
  const { fake, host } = made((frame) => frame.type === "request" && { type: "result", id: frame.id, result: { echo: frame.action } });
  const answers = await Promise.all([host.request("status"), host.request("wake")]);
  assert.deepEqual(answers.map(({ result }) => result.echo), ["status", "wake"]);
  assert.deepEqual(fake.frames.map(({ action }) => action), ["hello", "status", "wake"]);
  assert.deepEqual(fake.frames[0].params.protocol, { min: 1, max: 1 });
  assert.equal(new Set(fake.frames.map(({ id }) => id)).size, 3);
  assert.equal(fake.name, "srae.host");
});

test("sends a file in chunks and takes one back, checked", async () => {
  const chunks = [...split(bytes)];
  const description = await describe("cat.png", "image/png", bytes);
  const { fake, host } = made((frame) => frame.type === "chunk" && frame.seq === chunks.length - 1 && [
    { type: "progress", id: frame.id, stage: "working" },
    ...chunks.map((chunk) => ({ type: "chunk", id: frame.id, file: "photo", ...chunk })),
    { type: "result", id: frame.id, result: {}, files: { photo: description } },
  ]);
  const stages = [];
  const { files } = await host.request("protect", { files: { photo: { name: "cat.png", mime_type: "image/png", bytes } }, onStage: (stage) => stages.push(stage) });
  assert.deepEqual(files.photo.bytes, bytes);
  assert.deepEqual(stages, ["working"]);
  assert.deepEqual(fake.frames[1].files, { photo: description });
});

for (const [name, spoil] of Object.entries({
  "a file with another hash": (frames) => (frames.at(-1).files.photo.sha256 = "0".repeat(64)),
  "a file with another size": (frames) => (frames.at(-1).files.photo.size_bytes += 1),
  "a chunk too few": (frames) => frames.shift(),
  "a file that the result does not name": (frames) => (frames.at(-1).files = {}),
  "a type that is unknown": (frames) => frames.splice(0, 0, { type: "dance" }),
})) {
  test(`refuses ${name}`, async () => {
    const frames = [...split(bytes)].map((chunk) => ({ type: "chunk", file: "photo", ...chunk }));
    frames.push({ type: "result", result: {}, files: { photo: await describe("a", "", bytes) } });
    spoil(frames);
    const { host } = made(({ id }) => frames.map((frame) => ({ ...frame, id })));
    await assert.rejects(host.request("restore"), { code: "HOST_ANSWER_INVALID" });
  });
}

test("an error is its request's alone; one of the connection is everybody's", async () => {
  const { host } = made(({ id, action }) => (action === "wake" ? error(id, "SERVICE_BUSY") : action === "status" && { type: "result", id, result: {} }));
  const [busy, fine] = await Promise.allSettled([host.request("wake"), host.request("status")]);
  assert.deepEqual([busy.reason.code, busy.reason.hint, busy.reason.retryable, fine.status], ["SERVICE_BUSY", "a hint", true, "fulfilled"]);
  const refusing = new HostPort(new FakeHost(() => error(null, "ORIGIN_NOT_ALLOWED")));
  await assert.rejects(refusing.request("status"), { code: "ORIGIN_NOT_ALLOWED" });
});

test("cancelling says so to the host, and ends the request", async () => {
  const abort = new AbortController();
  const { fake, host } = made((frame) => void (frame.action === "protect" && abort.abort()));
  await assert.rejects(host.request("protect", { signal: abort.signal }), { code: "CANCELLED" });
  assert.equal(fake.frames.at(-1).type, "cancel");
});

test("files of more bytes than the host holds wait for those before them; what has no file does not", async () => {
  assert.equal(PENDING_BYTES, VECTORS.limits.pending_bytes);
  const fake = new FakeHost((frame) => frame.action === "hello" && HELLO(frame));
  const host = new HostPort(fake, () => {}, { pendingBytes: 1.5 * bytes.length });
  const photo = { name: "scan.tif", mime_type: "image/tiff", bytes };
  const work = [1, 2, 3].map(() => host.request("protect", { files: { photo } }));
  const underway = async (count) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const requests = fake.frames.filter(({ action }) => action === "protect");
    assert.equal(requests.length, count);
    return requests.at(-1).id;
  };
  fake.send(error(await underway(1), "UNCHANGED_OUTPUT"));
  await assert.rejects(work[0], { code: "UNCHANGED_OUTPUT" });
  const second = await underway(2);
  const status = host.request("status");
  await underway(2);
  fake.send({ type: "result", id: fake.frames.find(({ action }) => action === "status").id, result: {} });
  await status;
  fake.send({ type: "result", id: second, result: {} });
  await work[1];
  fake.send({ type: "result", id: await underway(3), result: {} });
  await work[2];
});

test("a host that is silent for four heartbeats has hung", async () => {
  const healths = [];
  const fake = new FakeHost((frame) => frame.action === "hello" && HELLO(frame));
  const host = new HostPort(fake, (failure) => healths.push(failure?.code ?? "well"));
  await assert.rejects(host.request("protect"), { code: "HOST_SILENT" });
  assert.ok(fake.closed);
  assert.deepEqual(healths, ["well", "HOST_SILENT"]);
});

test("a host that died is opened again by the next request", async () => {
  let isWell = false;
  const { fake, host } = made(({ id }) => (isWell ? { type: "result", id, result: {} } : void queueMicrotask(() => fake.die("Native host has exited."))));
  await assert.rejects(host.request("status"), { code: "HOST_DIED" });
  isWell = true;
  await host.request("status");
  assert.equal(fake.opened, 2);
});

test("what the browsers say of a closed port", () => {
  assert.equal(disconnectCode("Specified native messaging host not found.", false), "HOST_NOT_INSTALLED");
  assert.equal(disconnectCode("No such native application srae.host", false), "HOST_NOT_INSTALLED");
  assert.equal(disconnectCode("Access to the specified native messaging host is forbidden.", false), "HOST_FORBIDDEN");
  assert.equal(disconnectCode("Native host has exited.", false), "HOST_NOT_INSTALLED");
  assert.equal(disconnectCode("Native host has exited.", true), "HOST_DIED");
  assert.equal(disconnectCode("Error when communicating with the native messaging host.", true), "HOST_DIED");
  assert.equal(disconnectCode("", true), "HOST_DIED");
});
