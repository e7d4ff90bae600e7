// The extension's own world's end of the channel to the page world's script (page_world/link.js tells the handshake).
// The manifest names the page world's script first, so it listens by the time that this runs.

let port = null;

/**
 * Opens the channel, once in a load: says the secret, then sends a port with it.
 * @param onMessage called with each message of the page world
 * @returns whether the page world's script is there: not where the document may run no scripts
 */
export function openLink(onMessage) {
  const secret = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const channel = new MessageChannel();
  port = channel.port1;
  port.onmessage = ({ data }) => onMessage(data);
  const isHeard = !window.dispatchEvent(new CustomEvent("srae-secret", { detail: secret, cancelable: true }));
  window.postMessage({ sraeSecret: secret }, "*", [channel.port2]);
  return isHeard;
}

export function say(message) {
  port.postMessage(message);
}
