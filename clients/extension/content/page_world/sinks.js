// The last net: what a page sends, on whatever way a photo got to it.

import { isBlob, mayGo } from "./approval.js";
import { cleared, hasPhoto, suspects } from "./bodies.js";
import { tell } from "./link.js";
import { hook, hookConstructor, native } from "./natives.js";
import { isOff, release } from "./release.js";

const addressOf = (input) => new URL(input?.url ?? String(input), document.baseURI).href;

async function tellUpload(input, body) {
  try {
    if (isOff() || !body) return;
    const address = addressOf(input);
    if (await hasPhoto(body)) tell({ type: "uploaded", address });
  } catch {
    // an address that can not be read is the network's business
  }
}

function guardFetch() {
  const bodies = new WeakMap(); // Request -> the body that it was made with
  hookConstructor("Request", (construct, args) => {
    const request = construct(...args);
    const body = args[1]?.body ?? bodies.get(args[0]);
    if (body) bodies.set(request, body);
    return request;
  });
  hook(Request.prototype, "clone", (clone, self) => {
    const copy = clone();
    if (bodies.has(self)) bodies.set(copy, bodies.get(self));
    return copy;
  });
  hook(window, "fetch", (fetch, self, args) => {
    const [input, init] = args;
    const body = init?.body ?? bodies.get(input);
    tellUpload(input, body);
    if (suspects(body).length === 0) return fetch(...args);
    return cleared(body).then((clean) => (clean === body ? fetch(...args) : fetch(input, withBody(input, init, clean))));
  });
}

/** fetch's second argument with another body: a type that was made for the old one would lie. */
function withBody(input, init, body) {
  if (!(body instanceof native.FormData)) return { ...init, body };
  const headers = new Headers(init?.headers ?? input?.headers);
  headers.delete("content-type");
  return { ...init, headers, body };
}

function guardXhr() {
  const calls = new WeakMap(); // XHR -> {address, isSync, turn}
  hook(XMLHttpRequest.prototype, "open", (open, self, args) => {
    calls.set(self, { address: args[1], isSync: args[2] === false });
    return open(...args);
  });
  hook(XMLHttpRequest.prototype, "abort", (abort, self) => {
    if (calls.has(self)) calls.get(self).isAborted = true;
    return abort();
  });
  hook(XMLHttpRequest.prototype, "send", (send, self, [body]) => {
    const state = calls.get(self) ?? {};
    tellUpload(state.address, body);
    if (suspects(body).length === 0) return send(body);
    // A synchronous request can not wait for the host.
    if (state.isSync) throw new native.DOMException("The request was stopped.", "NetworkError");
    const isCurrent = () => calls.get(self) === state && !state.isAborted;
    cleared(body).then((clean) => isCurrent() && send(clean), () => isCurrent() && failXhr(self));
    return undefined;
  });
}

/** As the network does when it fails. */
function failXhr(request) {
  for (const type of ["error", "loadend"]) native.dispatch(request, new ProgressEvent(type));
}

function guardBeacon() {
  hook(Navigator.prototype, "sendBeacon", (send, self, args) => {
    tellUpload(args[0], args[1]);
    if (suspects(args[1]).length === 0) return send(...args);
    cleared(args[1]).then((clean) => send(args[0], clean), () => {});
    return true;
  });
}

const LOOKED_INTO = 4096; // entries of a list: photos are not sent in longer ones, and numbers are

/** Blobs anywhere in a message's plain objects and lists, not approved yet. */
function blobsIn(value, depth = 4) {
  if (isOff() || depth === 0 || typeof value !== "object" || value === null) return [];
  if (isBlob(value)) return mayGo(value) ? [] : [value];
  const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
  return isPlain ? Object.values(value).slice(0, LOOKED_INTO).flatMap((part) => blobsIn(part, depth - 1)) : [];
}

function replacedIn(value, replaced, depth = 4) {
  if (depth === 0 || typeof value !== "object" || value === null) return value;
  if (isBlob(value)) return replaced.get(value) ?? value;
  if (Array.isArray(value)) return value.map((part) => replacedIn(part, replaced, depth - 1));
  if (![Object.prototype, null].includes(Object.getPrototypeOf(value))) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, replacedIn(part, replaced, depth - 1)]));
}

const queues = new WeakMap(); // object that messages go to -> promise: the last message that waits went

/** Messages keep their order: those behind one that waits wait too, and the end waits for all. */
function guardMessages(object, name) {
  hook(object, name, (post, self, [message, ...rest]) => {
    const found = blobsIn(message);
    if (found.length === 0 && !queues.has(self)) return post(message, ...rest);
    const before = queues.get(self) ?? Promise.resolve();
    const turn = before.then(async () => {
      const results = found.length > 0 ? await release(found, "sent").catch(() => null) : [];
      if (!results) return;
      const replaced = new Map(found.map((blob, index) => [blob, results[index]]));
      post(found.length > 0 ? replacedIn(message, replaced) : message, ...rest);
    }).catch(reportError); // the page's mistake: the messages behind it go on
    queues.set(self, turn);
    turn.finally(() => queues.get(self) === turn && queues.delete(self));
    return undefined;
  });
  hook(object, "close", (close, self, args) => (queues.has(self) ? void queues.get(self).then(() => close(...args)) : close(...args)));
}

export function guardSinks() {
  guardFetch();
  guardXhr();
  guardBeacon();
  guardMessages(globalThis.Worker?.prototype, "postMessage");
  guardMessages(globalThis.ServiceWorker?.prototype, "postMessage");
  guardMessages(globalThis.MessagePort?.prototype, "postMessage");
  guardMessages(globalThis.WebSocket?.prototype, "send");
}
