// A scripted host in the place of chrome.runtime: answers each frame with what a test says.

export class FakeHost {
  frames = [];
  lastError = null;
  #listeners = { message: [], disconnect: [] };
  opened = 0;

  /** @param answer called with each frame; returns the frames to send back, or nothing */
  constructor(answer) {
    this.answer = answer;
  }

  getManifest = () => ({ version: "0.1.0" });

  connectNative(name) {
    this.opened += 1;
    this.name = name;
    this.#listeners = { message: [], disconnect: [] };
    const listeners = this.#listeners;
    return {
      onMessage: { addListener: (listener) => listeners.message.push(listener) },
      onDisconnect: { addListener: (listener) => listeners.disconnect.push(listener) },
      postMessage: (frame) => {
        this.frames.push(frame);
        queueMicrotask(() => [this.answer(frame)].flat().filter(Boolean).forEach((back) => this.send(back)));
      },
      disconnect: () => (this.closed = true),
    };
  }

  send(frame) {
    for (const listener of this.#listeners.message) listener(frame);
  }

  /** As when the process ends; the words are the browser's. */
  die(words) {
    this.lastError = { message: words };
    for (const listener of this.#listeners.disconnect) listener();
  }
}

export const HELLO = (frame) => ({ type: "result", id: frame.id, result: { protocol: 1, limits: { heartbeat_seconds: 0.02 }, service: { kind: "named", address: "" } } });
