// The page world's end of the channel to the extension's own world. Both scripts run before any script of the page, in either
// order: the own world says a secret of this load, then sends one end of a channel with it. Whatever comes later is refused.

import { listenAtWindow, native } from "./natives.js";

const WAIT_SECONDS = 10;
const settled = new Map(); // batch id -> resolve
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
  native.dispatch(window, new CustomEvent("srae-here")); // for the own world's script, where it ran first
}

function receive({ data }) {
  if (data.type === "policy") mode = data.mode;
  else if (data.type === "verdict") {
    settled.get(data.id)?.(data);
    settled.delete(data.id);
  }
}

/** Says something that needs no answer. */
export function tell(message) {
  if (port) native.postToPort(port, message);
}

/**
 * Asks the own world what becomes of a batch of {name, type, kind, size, chunks (base64, or null)}.
 * Resolves with null (the page gets nothing), or with {as: "original"} or {as: "protected", name, type, chunks} for each.
 */
export async function ask(files, source) {
  const isOpen = await Promise.race([ready.then(() => true), new Promise((resolve) => setTimeout(resolve, 1000 * WAIT_SECONDS, false))]);
  if (!isOpen) return null;
  const id = nextBatch++;
  const verdict = new Promise((resolve) => settled.set(id, resolve));
  native.postToPort(port, { type: "batch", id, files, source });
  return (await verdict).files;
}
