// What is about to be sent: which of it was never looked at, and the same with protected photos in its place.

import { HEAD_BYTES, kindOf } from "../../shared/kind.js";
import { beginsProtectedPhoto, goesLike, isApproved, isBlob, mayGo } from "./approval.js";
import { isReworked } from "./lineage.js";
import { hook, native } from "./natives.js";
import { isOff, release } from "./release.js";

/** The body's parts that need a look before it may be sent: an empty list for nearly all bodies. */
export function suspects(body) {
  if (isOff()) return [];
  if (isBlob(body)) return mayGo(body) ? [] : [body];
  if (body instanceof native.FormData) {
    return [...native.formEntries(body)].map(([, value]) => value).filter((value) => isBlob(value) && !mayGo(value));
  }
  const bytes = bytesOf(body);
  if (!bytes || isApproved(bytes.buffer) || kindOf(bytes.subarray(0, HEAD_BYTES)) === "other") return [];
  return [new native.Blob([bytes])];
}

function bytesOf(body) {
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  return ArrayBuffer.isView(body) ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength) : null;
}

/** The body as it may be sent. Throws TypeError, as a network that fails does, where it may not. */
export async function cleared(body) {
  const found = suspects(body);
  const results = found.length > 0 ? await release(found, "sent") : [];
  if (!results) throw new TypeError("Failed to fetch");
  const replaced = new Map(found.map((blob, index) => [blob, results[index]]));
  if (body instanceof native.FormData) return rebuilt(body, replaced);
  if (isBlob(body)) return replaced.get(body) ?? body;
  const [result] = results;
  return result && result !== found[0] ? result : body;
}

function rebuilt(form, replaced) {
  if ([...replaced].every(([before, after]) => before === after)) return form;
  const copy = new native.FormData();
  for (const [name, value] of native.formEntries(form)) native.formAppend(copy, name, replaced.get(value) ?? value);
  return copy;
}

/** Whether a protected photo, or what the page made of one, is in the body: its address is one where photos go. */
export async function hasPhoto(body) {
  const parts = body instanceof native.FormData ? [...native.formEntries(body)].map(([, value]) => value) : [body];
  for (const part of parts) {
    if (!isBlob(part) || !isApproved(part) || !/^image\//.test(native.blobType(part))) continue;
    if ((await beginsProtectedPhoto(part)) || (await isReworked(part))) return true;
  }
  return false;
}

/** A form wraps what is put into it in a new file: the wrap of one that may go is made here, and may go like it. */
export function guardFormData() {
  for (const name of ["append", "set"]) {
    hook(FormData.prototype, name, (put, self, args) => {
      const [key, value, fileName] = args;
      if (!isBlob(value) || !mayGo(value)) return put(...args);
      const named = fileName === undefined ? (value.name ?? "blob") : String(fileName);
      const wrap = new native.File([value], named, { type: native.blobType(value), lastModified: value.lastModified ?? Date.now() });
      return put(key, goesLike(value, wrap));
    });
  }
}
