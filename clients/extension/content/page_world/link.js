// The page world's end of the channel to the extension's own world. Both scripts run before any script of the page: the own
// world says a secret of this load, then sends one end of a channel with it. Whatever comes later is refused.

import { listenAtWindow, native } from "./natives.js";

const WAIT_SECONDS = 10;
const batches = new Map(); // id -> what hears of it
let nextBatch = 1;
let port = null;
let opened;
const ready = new Promise((resolve) => (opened = resolve));

/** "unknown" until the own world has answered, then "on", "ask" or "off". */
export let mode = "unknown";

export function openLink() {
  let secret = null;
  const onSecret = (event) => {
    native.stop(event);
    native.prevent(event); // the answer that somebody is here
    secret ??= typeof event.detail === "string" ? event.detail : null;
  };
  listenAtWindow("srae-secret", onSecret);
  listenAtWindow("message", (event) => {
    const data = event.data;
    if (typeof data !== "object" || data === null || typeof data.sraeSecret !== "string") return;
    native.stop(event);
    if (port || !secret || data.sraeSecret !== secret || !event.ports[0]) return;
    port = event.ports[0];
    native.addListener(port, "message", receive);
    native.startPort(port);
    opened();
  });
}

function receive({ data }) {
  if (data.type === "policy") mode = data.mode;
  else batches.get(data.id)?.(data);
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
 * Resolves with null (the page gets nothing), or with {as: "original"} or {as: "protected", name, type} for each.
 */
export async function ask(files, { failure, read, take }) {
  const isOpen = await Promise.race([ready.then(() => true), new Promise((resolve) => setTimeout(resolve, 1000 * WAIT_SECONDS, false))]);
  if (!isOpen) return null;
  const id = nextBatch++;
  const answers = await new Promise((resolve) => {
    batches.set(id, ({ type, index, seq, data, files: verdict }) => {
      if (type === "want") read(index, seq).then((piece) => tell({ type: "piece", id, index, seq, data: piece }));
      else if (type === "made") take(index, seq, data);
      else resolve(verdict);
    });
    native.postToPort(port, { type: "batch", id, files, failure });
  });
  batches.delete(id);
  return answers;
}
