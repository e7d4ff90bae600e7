// The extension's own world's end of the channel to the page world's script (page_world/link.js tells the handshake).
// Which of the two runs first is the browser's business: the later one finds the other listening.

let port = null;

/**
 * Opens the channel, once in a load, with the page world's script that is there already, or else when it comes.
 * @param onMessage called with each message of the page world
 */
export function openLink(onMessage) {
  offerPort(onMessage);
  if (!isLinked()) window.addEventListener("srae-here", () => offerPort(onMessage), { once: true });
}

/** Whether the page world's script is there: not where it comes later, and never where the document may run no scripts. */
export const isLinked = () => port !== null;

/** Says the secret, then sends a port with it to who hears it. */
function offerPort(onMessage) {
  const secret = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const isHeard = !window.dispatchEvent(new CustomEvent("srae-secret", { detail: secret, cancelable: true }));
  if (!isHeard) return;
  const channel = new MessageChannel();
  port = channel.port1;
  port.onmessage = ({ data }) => onMessage(data);
  window.postMessage({ sraeSecret: secret }, "*", [channel.port2]);
}

export function say(message) {
  port?.postMessage(message);
}
