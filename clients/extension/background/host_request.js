// One request to the host, from its first frame to its final one.

import { Assembly, describe, split } from "../shared/chunks.js";
import { Failure } from "../shared/failure.js";

export class HostRequest {
  #post;
  #assemblies = new Map();
  #onStage = () => {};
  #settled = false;

  /** @param post sends a frame */
  constructor(id, post) {
    this.id = id;
    this.#post = post;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  #resolve;
  #reject;

  /** Sends the request and its files ({role: {name, mime_type, bytes}}). */
  async begin(action, { params = {}, files = {}, onStage = () => {}, signal }) {
    this.#onStage = onStage;
    if (signal?.aborted) throw new Failure("CANCELLED");
    signal?.addEventListener("abort", () => this.#cancel(), { once: true });
    const descriptions = {};
    for (const [role, file] of Object.entries(files)) {
      descriptions[role] = await describe(file.name, file.mime_type, file.bytes);
    }
    if (this.#settled) return;
    this.#post({ type: "request", id: this.id, action, params, files: descriptions });
    for (const [role, file] of Object.entries(files)) await this.#sendFile(role, file.bytes);
  }

  async #sendFile(role, bytes) {
    for (const chunk of split(bytes)) {
      if (this.#settled) return;
      this.#post({ type: "chunk", id: this.id, file: role, ...chunk });
      // Other requests get their turn between two chunks.
      if (chunk.seq % 8 === 7) await new Promise((resolve) => setTimeout(resolve));
    }
  }

  receive(frame) {
    if (this.#settled) return;
    if (frame.type === "progress") this.#onStage(frame.stage);
    else if (frame.type === "chunk") this.#receiveChunk(frame);
    else if (frame.type === "result") this.#finish(frame);
    else if (frame.type === "error") {
      this.fail(new Failure(frame.code, frame.message, { hint: frame.hint, retryable: frame.retryable }));
    } else this.fail(new Failure("HOST_ANSWER_INVALID", `an unknown frame: ${frame.type}`));
  }

  fail(failure) {
    this.#settled = true;
    this.#reject(failure);
  }

  #cancel() {
    if (this.#settled) return;
    this.#post({ type: "cancel", id: this.id });
    this.fail(new Failure("CANCELLED"));
  }

  #receiveChunk({ file, seq, data }) {
    if (!this.#assemblies.has(file)) this.#assemblies.set(file, new Assembly());
    try {
      this.#assemblies.get(file).add({ seq, data });
    } catch (error) {
      this.fail(new Failure("HOST_ANSWER_INVALID", error.message));
    }
  }

  async #finish({ result, files = {} }) {
    try {
      const checked = {};
      for (const [role, description] of Object.entries(files)) {
        const bytes = await (this.#assemblies.get(role) ?? new Assembly()).checked(description);
        checked[role] = { name: description.name, mime_type: description.mime_type, bytes };
      }
      if (this.#assemblies.size > Object.keys(files).length) throw new Failure("HOST_ANSWER_INVALID", "a file too many");
      this.#settled = true;
      this.#resolve({ result: result ?? {}, files: checked });
    } catch (error) {
      this.fail(new Failure("HOST_ANSWER_INVALID", error.message));
    }
  }
}
