// Has one photo protected, over a port of its own to the background script.

import { Failure } from "../../shared/failure.js";
import { connectPhoto, goneFailure } from "./background_link.js";

const SILENCE_SECONDS = 400; // more than any limit of the host: the last resort

/**
 * Resolves with {name, type, chunks, result}; throws Failure.
 * @param photo {name, type, size, chunks (base64)}
 * @param signal an AbortSignal that cancels
 */
export function protectPhoto(photo, { onStage, signal }) {
  return new Promise((resolve, reject) => {
    const port = connectPhoto();
    const chunks = [];
    const timer = setTimeout(() => fail(new Failure("REQUEST_TIMEOUT")), 1000 * SILENCE_SECONDS);
    const end = () => {
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
        else if (message.type === "chunk") chunks[message.seq] = message.data;
        else if (message.type === "failed") fail(new Failure(message.code, message.message, message));
        else if (message.type === "protected") {
          end();
          resolve({ name: message.name, type: message.mime_type, chunks, result: message.result });
        }
      } catch (error) {
        fail(Failure.from(error));
      }
    });
    port.postMessage({ type: "photo", name: photo.name, mime_type: photo.type, size_bytes: photo.size });
    photo.chunks.forEach((data, seq) => port.postMessage({ type: "chunk", seq, data }));
  });
}
