// What all pages of the extension share: texts, elements, calls to the background script.

import { Assembly, split } from "../shared/chunks.js";
import { Failure } from "../shared/failure.js";

/** The message of that key. */
export const text = (key, ...substitutions) => chrome.i18n.getMessage(key, substitutions.map(String)) || key;

/** Puts the texts into the elements that name them with data-text. */
export function localise() {
  document.documentElement.lang = chrome.i18n.getUILanguage();
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
}

export function make(name, { text: content = "", ...properties } = {}, children = []) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(content, ...children);
  return element;
}

/** Asks the background script. Throws an Error whose message tells a person what to do. */
export async function call(type, more = {}) {
  const answer = await chrome.runtime.sendMessage({ type, ...more });
  if (answer.failure) throw Object.assign(new Error(explain(answer.failure)), { code: answer.failure.code });
  return answer.value;
}

/**
 * The same over a port, where the question or the answer has a file: those may be too large for a message.
 * @param bytes the question's file
 * Resolves with {...value, bytes (the answer's file)}.
 */
export function callWithFile(type, more = {}, bytes = new Uint8Array()) {
  const port = chrome.runtime.connect({ name: "file" });
  const assembly = new Assembly();
  return new Promise((resolve, reject) => {
    const fail = (failure) => reject(Object.assign(new Error(explain(failure)), { code: failure.code }));
    port.onDisconnect.addListener(() => fail(new Failure("BACKGROUND_GONE")));
    port.onMessage.addListener((message) => {
      try {
        if (message.type === "chunk") assembly.add(message);
        else if (message.failure) fail(message.failure);
        else resolve({ ...message.value, bytes: assembly.bytes() });
      } catch (error) {
        fail(error);
      }
    });
    for (const chunk of split(bytes)) port.postMessage({ type: "chunk", ...chunk });
    port.postMessage({ type: "ask", asked: { type, ...more } });
  }).finally(() => port.disconnect());
}

/** A failure in words: what to do, and its code. */
export function explain({ code, message, hint }) {
  const known = text(`hint_${code}`);
  return `${known.startsWith("hint_") ? hint || message : known} (${code})`;
}
