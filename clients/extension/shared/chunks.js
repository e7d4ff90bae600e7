// Files as chunks: cut, put together, checked (PROTOCOL.md, section 2).

import { fromBase64, toBase64 } from "./base64.js";
import { Failure } from "./failure.js";

export const CHUNK_BYTES = 262144;
export const FILE_BYTES = 134217728;

export async function sha256Hex(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The protocol's description of a file. */
export async function describe(name, mimeType, bytes) {
  return { name, mime_type: mimeType, size_bytes: bytes.length, sha256: await sha256Hex(bytes) };
}

/** Yields {seq, data}: the bytes in pieces of chunkBytes, as base64. */
export function* split(bytes, chunkBytes = CHUNK_BYTES) {
  for (let start = 0, seq = 0; start < bytes.length; start += chunkBytes, seq += 1) {
    yield { seq, data: toBase64(bytes.subarray(start, start + chunkBytes)) };
  }
}

/** Puts a file together from its chunks. Throws Failure with the protocol's code when a chunk is off. */
export class Assembly {
  #pieces = [];
  #size = 0;

  get size() {
    return this.#size;
  }

  add({ seq, data }) {
    if (!Number.isInteger(seq)) throw new Failure("CHUNK_INVALID", "A chunk has no number.");
    if (seq !== this.#pieces.length) throw new Failure("CHUNK_OUT_OF_ORDER", "A chunk is out of order.");
    let piece;
    try {
      piece = fromBase64(data);
    } catch {
      throw new Failure("CHUNK_INVALID", "A chunk is not base64.");
    }
    if (piece.length === 0 || piece.length > CHUNK_BYTES) {
      throw new Failure("CHUNK_INVALID", "A chunk is empty or too long.");
    }
    this.#size += piece.length;
    if (this.#size > FILE_BYTES) throw new Failure("FILE_TOO_LARGE", "The file is too large.");
    this.#pieces.push(piece);
  }

  /** All bytes so far. */
  bytes() {
    const whole = new Uint8Array(this.#size);
    let offset = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, offset);
      offset += piece.length;
    }
    return whole;
  }

  /** All bytes, which must be those that were described. */
  async checked(description) {
    if (this.#size !== description?.size_bytes) {
      throw new Failure("FILE_SIZE_MISMATCH", "The file is not as long as was said.");
    }
    const whole = this.bytes();
    if ((await sha256Hex(whole)) !== description.sha256) {
      throw new Failure("FILE_HASH_MISMATCH", "The file is not the one that was described.");
    }
    return whole;
  }
}
