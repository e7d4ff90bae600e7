// The extension's own world's end of the channel to the page world's script (page_world/link.js tells the handshake).
// Which of the two runs first is the browser's business: the later one finds the other listening.

let port = null;

/**
 * Opens the channel, once in a load, with the page world's script that is there already, or else when it comes.
 * @param onMessage called with each message of the page world
 * @returns whether it is there: not where it comes later, and never where the document may run no scripts
 */
export function openLink(onMessage, onLater) {
  const isThere = offerPort(onMessage);
  if (!isThere) window.addEventListener("srae-here", () => offerPort(onMessage) && onLater(), { once: true });
  return isThere;
}

/** Says the secret, then sends a port with it. Returns whether somebody heard. */
function offerPort(onMessage) {
  const secret = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const isHeard = !window.dispatchEvent(new CustomEvent("srae-secret", { detail: secret, cancelable: true }));
  if (!isHeard) return false;
  const channel = new MessageChannel();
  port = channel.port1;
  port.onmessage = ({ data }) => onMessage(data);
  window.postMessage({ sraeSecret: secret }, "*", [channel.port2]);
  return true;
}

export function say(message) {
  port?.postMessage(message);
}
