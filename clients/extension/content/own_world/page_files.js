// The files of the page's world, read and given back piece by piece, as they are needed: many photos at once, as texts, are
// more than a tab holds. (Between the worlds go texts alone: Firefox keeps the worlds' objects apart.)

import { say } from "./link.js";

const wanted = new Map(); // "batch, file, piece" -> resolve

/** The files of a batch as batch.js takes them, {name, type, kind, size, read, take}. */
export function pageFiles({ id, files }) {
  return files.map((file, index) => ({
    ...file,
    /** Resolves with a piece of the file as base64; null where the browser can not read it. */
    read: (seq) => new Promise((resolve) => {
      wanted.set(`${id},${index},${seq}`, resolve);
      say({ type: "want", id, index, seq });
    }),
    /** Takes a piece of the protected photo. The first one begins it anew. */
    take: (seq, data) => say({ type: "made", id, index, seq, data }),
  }));
}

/** A piece that was wanted. */
export function receivePiece({ id, index, seq, data }) {
  const key = `${id},${index},${seq}`;
  wanted.get(key)?.(data);
  wanted.delete(key);
}
