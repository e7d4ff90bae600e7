// The page world's end of the channel to the extension's own world. Both scripts run before any script of the page, in either
// order: the own world says a secret of this load, then sends one end of a channel with it. Whatever comes later is refused. But
// Firefox puts both scripts into the open pages again when the extension is reloaded, and the old own world is gone: then the fresh
// pair takes over.

import { retire } from "./approval.js";
import { sayGone } from "./last_word.js";
import { listenAtWindow, native } from "./natives.js";

const WAIT_SECONDS = 10;
const SILENCE_SECONDS = 1; // of an own world that may have a successor
const PAUSE_SECONDS = 5; // between looks whether the own world, which has a batch, is still there
const TURNS = 5; // a question and its answer are two
const batches = new Map(); // id -> {hear, leave}
const pinged = []; // resolves of those who wait for an answer
let nextBatch = 1;
let port = null;
let opened;
const ready = new Promise((resolve) => (opened = resolve));

/** "unknown" until the own world has answered, then "on", "ask" or "off". */
export let mode = "unknown";
/** Whether all is left to the pair of scripts that came later. */
export let hasLeft = false;

export function openLink() {
  let secret = null;
  const onSecret = (event) => {
    if (port) return void standDown(); // it is for somebody else
    native.stop(event);
    native.prevent(event); // the answer that somebody is here
    secret ??= typeof event.detail === "string" ? event.detail : null;
  };
  listenAtWindow("srae-secret", onSecret);
  listenAtWindow("message", (event) => {
    const data = event.data;
    if (typeof data !== "object" || data === null || typeof data.sraeSecret !== "string" || port) return;
    native.stop(event);
    if (!secret || data.sraeSecret !== secret || !event.ports[0]) return;
    port = event.ports[0];
    native.addListener(port, "message", receive);
    native.startPort(port);
    opened();
  });
  native.dispatch(window, new CustomEvent("srae-here")); // for the own world's script, where it ran first
}

/**
 * Leaves all to the pair of scripts that came later, where the own world of this one is gone. A page can pretend that somebody came,
 * and keep the browser busy, but not that nobody answers here: an answer comes before messages that were sent after the question.
 */
async function standDown() {
  for (let tries = 0; tries < 3; tries += 1) if (await isThere(SILENCE_SECONDS)) return; // a busy page delays an answer
  mode = "off";
  hasLeft = true;
  retire();
  for (const resolve of pinged.splice(0)) resolve(false);
  for (const { leave } of batches.values()) leave();
}

/** Whether the own world answers within that time. */
function isThere(seconds) {
  tell({ type: "ping" });
  return new Promise((resolve) => {
    pinged.push(resolve);
    native.wait(() => echo(TURNS, () => resolve(false)), 1000 * seconds);
  });
}

/** Calls then() after so many messages, one after the other, have come back. */
function echo(turns, then) {
  if (turns === 0) return then();
  const { port1, port2 } = new native.MessageChannel();
  native.addListener(port1, "message", () => echo(turns - 1, then), { once: true });
  native.startPort(port1);
  native.postToPort(port2, null);
}

function receive({ data }) {
  if (data.type === "policy") mode = data.mode;
  else if (data.type === "pong") for (const resolve of pinged.splice(0)) resolve(true);
  else batches.get(data.id)?.hear(data);
}

/** Says something that needs no answer. What can not be said does not disturb the page. */
export function tell(message) {
  try {
    if (port) native.postToPort(port, message);
  } catch {
    // a value that can not be copied
  }
}

/**
 * Asks the own world what becomes of a batch of {name, type, kind, size}.
 * @param failure what went wrong with them before, as a text: then the person is asked first
 * @param read called with (index, seq) when a piece of a file is needed; resolves with it as base64, or with null
 * @param take called with (index, seq, base64) for each piece of a protected photo; the first begins it anew
 * Resolves with null (the page gets nothing), or with {as: "original"}, {as: "protected", name, type, size}, or {as: "left"} (it is for the
 * pair of scripts that came later) for each. An own world that does not answer, or ends before the answer, is told to the person.
 */
export async function ask(files, { failure, read, take }) {
  const isOpen = await Promise.race([ready.then(() => true), new Promise((resolve) => native.wait(resolve, 1000 * WAIT_SECONDS, false))]);
  const left = files.map(() => ({ as: "left" }));
  if (!isOpen || !(await isThere(WAIT_SECONDS))) {
    if (hasLeft) return left;
    if (mode === "off") return files.map(() => ({ as: "original" })); // switched off meanwhile by the person
    sayGone();
    return null;
  }
  const id = nextBatch++;
  const answers = await new Promise((resolve) => {
    const hear = ({ type, index, seq, data, files: verdict }) => {
      if (type === "want") read(index, seq).then((piece) => tell({ type: "piece", id, index, seq, data: piece }));
      else if (type === "made") take(index, seq, data);
      else resolve(verdict);
    };
    batches.set(id, { hear, leave: () => resolve(left) });
    native.postToPort(port, { type: "batch", id, files, failure });
    untilGone(id).then(() => resolve(null));
  });
  batches.delete(id);
  return answers;
}

/** Resolves when the own world ended while the batch waits for its answer, and nobody came after it; the person is told. */
async function untilGone(id) {
  do {
    await new Promise((resolve) => native.wait(resolve, 1000 * PAUSE_SECONDS));
    if (!batches.has(id)) return;
  } while (await isThere(WAIT_SECONDS));
  if (!hasLeft && batches.has(id)) sayGone();
}
