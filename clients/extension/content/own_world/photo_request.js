// Has one photo protected, over a port of its own to the background script.

import { CHUNK_BYTES } from "../../shared/chunks.js";
import { Failure } from "../../shared/failure.js";
import { connectPhoto, goneFailure } from "./background_link.js";

const SILENCE_SECONDS = 400; // more than any limit of the host: the last resort

/**
 * Resolves with {name, type, size, result} when the photo took its last piece; throws Failure.
 * @param photo {name, type, size, read, take}, see page_files.js
 * @param signal an AbortSignal that cancels
 */
export function protectPhoto(photo, { onStage, signal }) {
  return new Promise((resolve, reject) => {
    const port = connectPhoto();
    const timer = setTimeout(() => fail(new Failure("REQUEST_TIMEOUT")), 1000 * SILENCE_SECONDS);
    let isOver = false;
    const end = () => {
      isOver = true;
      clearTimeout(timer);
      port.disconnect();
    };
    const fail = (failure) => {
      end();
      reject(failure);
    };
    signal.addEventListener("abort", () => fail(new Failure("CANCELLED")), { once: true });
    port.onDisconnect.addListener(() => fail(goneFailure()));
    port.onMessage.addListener((message) => {
      try {
        if (message.type === "progress") onStage(message.stage);
        else if (message.type === "chunk") photo.take(message.seq, message.data);
        else if (message.type === "failed") fail(new Failure(message.code, message.message, message));
        else if (message.type === "protected") {
          end();
          resolve({ name: message.name, type: message.mime_type, size: message.size_bytes, result: message.result });
        }
      } catch (error) {
        fail(Failure.from(error));
      }
    });
    const hand = async () => {
      port.postMessage({ type: "photo", name: photo.name, mime_type: photo.type, size_bytes: photo.size });
      for (let seq = 0; seq * CHUNK_BYTES < photo.size; seq += 1) {
        const data = await photo.read(seq);
        if (isOver) return;
        if (data === null) throw new Failure("UNREADABLE_FILE");
        port.postMessage({ type: "chunk", seq, data });
      }
    };
    hand().catch((error) => fail(Failure.from(error)));
  });
}
