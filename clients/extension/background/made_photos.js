// The protected photos that were given out since the browser started, by their SHA-256. One that comes back (a page hands it
// from one of its frames to another, a person chooses it again) passes as it is: protected a second time, it would get a
// receipt that leads to the protected photo, not to the original.

import { sha256Hex } from "../shared/chunks.js";

const LIMIT = 1000;
const made = new Map(); // SHA-256 -> {mime_type, result}

/** Remembers a protected photo that is given out. */
export async function noteMade({ bytes, mime_type }, result) {
  made.set(await sha256Hex(bytes), { mime_type, result });
  if (made.size > LIMIT) made.delete(made.keys().next().value);
}

/** What was said of these bytes when they were given out as a protected photo; undefined where they were not. */
export const madeBefore = async (bytes) => made.get(await sha256Hex(bytes));
