// What the person can look up: originals that were sent on purpose, and the photos protected since the browser started.
// Thumbnails live in the session's memory alone, and are gone with the browser.

import { toBase64 } from "../shared/base64.js";

const SENT_LIMIT = 500;
const RECENT_LIMIT = 12;
const THUMBNAIL_PIXELS = 112;
let writing = Promise.resolve();

/** One after the other: two writers would lose one's entry. */
const inTurn = (work) => (writing = writing.then(work, work));

/** Logs that originals were sent. Names are left out: who, when and why is what matters. */
export function logOriginalsSent({ site, count, code }) {
  return inTurn(async () => {
    const { originalsSent = [] } = await chrome.storage.local.get("originalsSent");
    const entry = { at: new Date().toISOString(), site, count, code };
    await chrome.storage.local.set({ originalsSent: [entry, ...originalsSent].slice(0, SENT_LIMIT) });
  });
}

export async function originalsSent() {
  return (await chrome.storage.local.get("originalsSent")).originalsSent ?? [];
}

/** Remembers a protected photo for the popup. */
export async function remember({ site, original, photo, result }) {
  const [before, after] = await Promise.all([thumbnail(original), thumbnail(photo.bytes)]);
  const entry = { at: new Date().toISOString(), site, name: photo.name, before, after, ...figures(result) };
  return inTurn(async () => {
    await chrome.storage.session.set({ recent: [entry, ...(await recent())].slice(0, RECENT_LIMIT) });
  });
}

export async function recent() {
  return (await chrome.storage.session.get("recent")).recent ?? [];
}

function figures({ tier, is_protected, bit_exact, input_bits, protected_psnr_db, views }) {
  return { tier, is_protected, bit_exact, input_bits, protected_psnr_db, views: views ?? [] };
}

/** A small JPEG as a data: address, or "" for what the browser can not decode. */
async function thumbnail(bytes) {
  try {
    const picture = await createImageBitmap(new Blob([bytes]));
    const scale = THUMBNAIL_PIXELS / Math.max(picture.width, picture.height);
    const canvas = new OffscreenCanvas(Math.ceil(picture.width * scale), Math.ceil(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
    return `data:image/jpeg;base64,${toBase64(new Uint8Array(await blob.arrayBuffer()))}`;
  } catch {
    return "";
  }
}
