// What is known of the host's health, and that the wall and the badge go with it.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Failure } from "../../shared/failure.js";
import { fakeChrome } from "./fake_chrome.js";

let seen;
let starts = 0;
/** The module, as after the worker was started again: it remembers nothing. */
const started = () => import(`../../background/health.js?start=${++starts}`);
const isUp = () => [seen.rules.length > 0, seen.badge];
const UP = [true, "!"];
const DOWN = [false, ""];
/** A host that answers hello, and status with that. */
const hostWith = (healthy) => ({ asked: 0, ready: async () => {}, async request() { this.asked += 1; return { result: { healthy } }; } });

beforeEach(() => {
  seen = fakeChrome();
});

test("a failure puts the wall and the badge up, its end takes them down; a photo's own failure does neither", async () => {
  const health = await started();
  await health.note(new Failure("HOST_DIED"));
  assert.deepEqual([isUp(), health.currentFailure().code], [UP, "HOST_DIED"]);
  await health.note(new Failure("UNCHANGED_OUTPUT"));
  assert.deepEqual(isUp(), UP);
  await health.note(null);
  assert.deepEqual([isUp(), health.currentFailure()], [DOWN, null]);
});

test("a host that was mended while the worker was away: the first answer takes the wall and the badge down", async () => {
  await (await started()).note(new Failure("HOST_NOT_INSTALLED"));
  const health = await started();
  assert.equal(health.currentFailure(), null);
  await health.look(hostWith(true));
  assert.deepEqual(isUp(), DOWN);
});

test("a service that is still broken when the worker starts again: what stands stays until its status is well", async () => {
  await (await started()).note(new Failure("SERVICE_UNREACHABLE"));
  const health = await started();
  await health.noteHello();
  await health.look(hostWith(false));
  assert.deepEqual(isUp(), UP);
  await health.look(hostWith(true));
  assert.deepEqual(isUp(), DOWN);
});

test("a service that failed once: hello says nothing of it; the next look at its status takes the wall down", async () => {
  const health = await started();
  await health.note(new Failure("SERVICE_UNREACHABLE"));
  await health.noteHello();
  assert.deepEqual(isUp(), UP);
  const [bad, well] = [false, true].map(hostWith);
  await health.look(bad);
  assert.deepEqual(isUp(), UP);
  await health.look(well);
  assert.deepEqual(isUp(), DOWN);
  await health.look(well);
  assert.equal(well.asked, 1, "while all is well nothing is asked");
});
