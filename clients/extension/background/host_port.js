// The one port to the native host: opens it, says hello, sends requests by id, and notices when the host dies or hangs.

import { Failure } from "../shared/failure.js";
import { HostRequest } from "./host_request.js";
import { Room } from "../shared/room.js";

const HOST = "srae.host";
const PROTOCOL = { min: 1, max: 1 };
const HELLO_SECONDS = 20;
export const PENDING_BYTES = 268435456; // what the host holds in the files of all requests (PROTOCOL.md, section 3)

/** What the browser's words about a closed port mean. Chromium's first, then Firefox's. */
export function disconnectCode(words, hasSpoken) {
  if (/host not found|No such native application/i.test(words)) return "HOST_NOT_INSTALLED";
  if (/forbidden|does not have permission/i.test(words)) return "HOST_FORBIDDEN";
  // "Error when communicating" is what Chromium says of a host that died while it was written to: it falls through.
  // A path that leads nowhere: Chromium fails to start it, or sees it exit before it spoke.
  if (!hasSpoken && /failed to start|has exited|unexpected error/i.test(words)) return "HOST_NOT_INSTALLED";
  return "HOST_DIED";
}

export class HostPort {
  #api;
  #port = null;
  #ready = null;
  #requests = new Map();
  #nextId = 1;
  #silence = null;
  #heartbeatSeconds = 5;
  #hasSpoken = false;
  #room;

  /**
   * @param api chrome.runtime, or what a test has in its place
   * @param onHealth called with null when the host answered hello, with a Failure when it is gone
   */
  constructor(api, onHealth = () => {}, { pendingBytes = PENDING_BYTES } = {}) {
    this.#api = api;
    this.#room = new Room(pendingBytes);
    this.onHealth = onHealth;
  }

  /** Opens the port if it is closed. Resolves with hello's result; throws Failure. */
  ready() {
    this.#ready ??= this.#open().catch((error) => {
      this.#close(Failure.from(error));
      throw Failure.from(error);
    });
    return this.#ready;
  }

  /** Runs one request, when the host has room for its files. Resolves with {result, files: {role: {name, mime_type, bytes}}}; throws Failure. */
  async request(action, { params = {}, files = {}, onStage = () => {}, signal } = {}) {
    const size = Object.values(files).reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (size > 0) await this.#room.enter(size);
    try {
      await this.ready();
      return await this.#send(action, { params, files, onStage, signal });
    } finally {
      if (size > 0) this.#room.leave(size);
    }
  }

  async #open() {
    this.#hasSpoken = false;
    const port = this.#api.connectNative(HOST);
    this.#port = port;
    port.onMessage.addListener((frame) => port === this.#port && this.#receive(frame));
    port.onDisconnect.addListener(() => {
      if (port !== this.#port) return;
      const words = port.error?.message ?? this.#api.lastError?.message ?? "";
      this.#close(new Failure(disconnectCode(words, this.#hasSpoken), words));
    });
    const client = `srae-extension ${this.#api.getManifest().version}`;
    const hello = this.#send("hello", { params: { protocol: PROTOCOL, client } });
    const { result } = await withTimeout(hello, HELLO_SECONDS);
    if (result.protocol !== PROTOCOL.max) throw new Failure("PROTOCOL_MISMATCH");
    this.#heartbeatSeconds = result.limits?.heartbeat_seconds ?? 5;
    this.onHealth(null);
    return result;
  }

  #send(action, options) {
    const id = `r${this.#nextId++}`;
    const request = new HostRequest(id, (frame) => this.#port.postMessage(frame));
    this.#requests.set(id, request);
    this.#watch();
    request.begin(action, options).catch((error) => request.fail(Failure.from(error)));
    return request.done.finally(() => {
      this.#requests.delete(id);
      this.#watch();
    });
  }

  #receive(frame) {
    this.#hasSpoken = true;
    this.#watch();
    const request = this.#requests.get(frame?.id);
    if (request) request.receive(frame);
    else if (frame?.type === "error" && frame.id === null) {
      this.#close(new Failure(frame.code, frame.message, { hint: frame.hint, retryable: frame.retryable }));
    }
  }

  /** Starts the silence's clock again: it runs while a request is under way. */
  #watch() {
    clearTimeout(this.#silence);
    if (this.#requests.size === 0) return;
    this.#silence = setTimeout(() => this.#close(new Failure("HOST_SILENT")), 4000 * this.#heartbeatSeconds);
  }

  #close(failure) {
    const port = this.#port;
    if (!port) return;
    this.#port = null;
    this.#ready = null;
    port.disconnect();
    for (const request of this.#requests.values()) request.fail(failure);
    this.onHealth(failure);
  }
}

function withTimeout(promise, seconds) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failure("HOST_SILENT")), 1000 * seconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
