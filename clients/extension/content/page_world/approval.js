// Which files the page may have as they are: protected ones, those that are no photos, those that the person released, and
// whatever was made from approved ones only. What is not approved is looked at before it goes anywhere.

import { HEAD_BYTES, kindOf } from "../../shared/kind.js";
import { isKnownToElder } from "./family.js";
import { hook, hookConstructor, native } from "./natives.js";

const approved = new WeakSet(); // blobs and array buffers
const harmless = new WeakSet(); // blobs that were seen to begin as no photo does, when they were made
const givenOut = []; // protected photos that this page has, newest last, to know copies of their bytes again
const GIVEN_OUT_LIMIT = 64;
const FEW_BYTES = 65536;

export const isBlob = (value) => value instanceof native.Blob;
export const isApprovedHere = (value) => approved.has(value);
export const isApproved = (value) => isApprovedHere(value) || isKnownToElder(value);

/**
 * Whether something may be sent without a look. Many things are sent as a page is left, and then there is no time for one. Unlike
 * approval this does not follow what is made from it: a photo can be put together from parts that are none.
 */
export const mayGo = (value) => isApproved(value) || harmless.has(value);

export function approve(value) {
  if (!isRetired) approved.add(value);
  return value;
}

let isRetired = false;
/** From now on nothing is approved here: what passes is for the script that came later to look at. */
export const retire = () => (isRetired = true);

/** The copy of a thing that may go, which may go as the thing may. */
export function goesLike(value, copy) {
  if (isApproved(value)) return approve(copy);
  harmless.add(copy);
  return copy;
}

/** Approves a protected photo (File), with the original (File) that it was made from. */
export function approveProtected(photo, original) {
  givenOut.push({ photo, original });
  if (givenOut.length > GIVEN_OUT_LIMIT) givenOut.shift();
  return approve(photo);
}

/** The protected photos that this page was given, as {photo, original}. */
export const protectedPhotos = () => givenOut;

/** Whether the bytes begin a protected photo, as the first piece of a chunked upload does, however it was copied. */
export async function beginsProtectedPhoto(blob) {
  const size = native.size(blob);
  try {
    for (const { photo } of givenOut) {
      if (native.size(photo) < size) continue;
      // Nearly always the first bytes say no, and nothing large has to be read.
      if ((await beginAlike(photo, blob, Math.min(size, FEW_BYTES))) && (await beginAlike(photo, blob, size))) return true;
    }
  } catch {
    // what can not be read is no photo that is known
  }
  return false;
}

async function beginAlike(photo, blob, size) {
  const [ours, theirs] = await Promise.all([photo, blob].map((each) => native.buffer(native.slice(each, 0, size))));
  return areEqual(new Uint8Array(ours), new Uint8Array(theirs));
}

function areEqual(ours, theirs) {
  if (ours.length !== theirs.length) return false;
  for (let index = 0; index < ours.length; index += 1) if (ours[index] !== theirs[index]) return false;
  return true;
}

/** Approved parts make an approved whole; text alone says nothing. */
function partsAreApproved(parts) {
  let sources = 0;
  for (const part of parts) {
    const source = ArrayBuffer.isView(part) ? part.buffer : part;
    if (!isBlob(source) && !(source instanceof ArrayBuffer)) continue;
    sources += 1;
    if (!isApproved(source)) return false;
  }
  return sources > 0;
}

/** The first bytes of a blob that is made of these parts, as far as they are at hand; else null. */
function headOf(parts) {
  const head = [];
  for (const part of parts) {
    if (head.length >= HEAD_BYTES) break;
    if (part?.byteLength === 0) continue; // also what was handed to a worker: it can not be read
    if (typeof part === "string") head.push(...native.encode(part.slice(0, HEAD_BYTES)));
    else if (part instanceof ArrayBuffer) head.push(...new Uint8Array(part).subarray(0, HEAD_BYTES));
    else if (ArrayBuffer.isView(part)) head.push(...new Uint8Array(part.buffer, part.byteOffset, part.byteLength).subarray(0, HEAD_BYTES));
    else return null;
  }
  return Uint8Array.from(head.slice(0, HEAD_BYTES));
}

/** The blob, noted as what its parts say of it. */
function noteMade(blob, parts) {
  if (partsAreApproved(parts)) return approve(blob);
  const head = headOf(parts);
  if (head && kindOf(head) === "other") harmless.add(blob);
  return blob;
}

/** Makes approval follow what is made from approved things. */
export function followDerived() {
  hook(Blob.prototype, "slice", (slice, self, args) => {
    const piece = slice(...args);
    return isApproved(self) ? approve(piece) : piece;
  });
  for (const name of ["arrayBuffer", "bytes"]) {
    hook(Blob.prototype, name, async (read, self) => {
      const bytes = await read();
      if (isApproved(self)) approve(bytes.buffer ?? bytes);
      return bytes;
    });
  }
  for (const name of ["Blob", "File"]) {
    hookConstructor(name, (construct, [parts, ...rest]) => {
      const list = parts?.[Symbol.iterator] && typeof parts !== "string" ? [...parts] : parts;
      const made = construct(...(parts === undefined ? [] : [list, ...rest]));
      return Array.isArray(list) ? noteMade(made, list) : made;
    });
  }
  hook(ArrayBuffer.prototype, "slice", (slice, self, args) => {
    const piece = slice(...args);
    return isApproved(self) ? approve(piece) : piece;
  });
  followFileReader();
  followPageOwned();
}

function followFileReader() {
  hook(FileReader.prototype, "readAsArrayBuffer", (read, self, args) => {
    if (isApproved(args[0])) {
      native.addListener(self, "load", () => self.result instanceof ArrayBuffer && approve(self.result), { once: true, capture: true });
    }
    return read(...args);
  });
}

/** What a page draws or fetches is its own: a canvas can hold only what the page was given, and that was protected. */
function followPageOwned() {
  hook(HTMLCanvasElement.prototype, "toBlob", (toBlob, self, [callback, ...rest]) =>
    toBlob(typeof callback === "function" ? (blob) => callback(blob && approve(blob)) : callback, ...rest));
  hook(globalThis.OffscreenCanvas?.prototype, "convertToBlob", async (convert, self, args) => approve(await convert(...args)));
  for (const name of ["blob", "arrayBuffer"]) {
    hook(Response.prototype, name, async (read, self) => {
      const body = await read();
      return /^https?:/.test(self.url) ? approve(body) : body;
    });
  }
}
