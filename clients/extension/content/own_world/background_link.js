// Calls to the background script that end in a Failure, never in silence.

import { Failure } from "../../shared/failure.js";

/** Whether the extension is still there: not after it was reloaded or removed under the page. */
export function isExtensionThere() {
  try {
    return Boolean(chrome.runtime?.id);
  } catch {
    return false;
  }
}

export const goneFailure = () => new Failure(isExtensionThere() ? "BACKGROUND_GONE" : "EXTENSION_GONE");

/** Sends a message; resolves with its answer, throws Failure. */
export async function tellBackground(message) {
  let answer;
  try {
    answer = await chrome.runtime.sendMessage(message);
  } catch {
    throw goneFailure();
  }
  if (!answer) throw goneFailure();
  if (answer.failure) throw new Failure(answer.failure.code, answer.failure.message, answer.failure);
  return answer.value;
}

function connect(name) {
  try {
    return chrome.runtime.connect({ name });
  } catch {
    throw goneFailure();
  }
}

/** A port for one photo (photo_request.js). */
export const connectPhoto = () => connect("protect");
/** A port to the page around this frame (person.js). */
export const connectBox = () => connect("box");
