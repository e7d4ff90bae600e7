// The one gate: files go in, and what the page may have comes out.

import { fromBase64, toBase64 } from "../../shared/base64.js";
import { CHUNK_BYTES } from "../../shared/chunks.js";
import { HEAD_BYTES, kindOf } from "../../shared/kind.js";
import { approve, approveProtected, beginsProtectedPhoto, isApproved } from "./approval.js";
import { sayGone } from "./last_word.js";
import { isReworked } from "./lineage.js";
import { ask, mode } from "./link.js";
import { native } from "./natives.js";

const LEFT = Symbol("for the script that came later to look at");
const underway = new WeakMap(); // file -> promise of what it became: no file is protected twice

/** Whether files pass without a look: the person switched the site off. */
export const isOff = () => mode === "off";

/** "photo", "animation", "video" or "other"; "photo" for what can not be read, which then fails on its way. */
export async function kindOfFile(file) {
  if (native.size(file) === 0) return "other";
  try {
    return kindOf(new Uint8Array(await native.buffer(native.slice(file, 0, HEAD_BYTES))));
  } catch {
    return "photo";
  }
}

/**
 * What the page may have in place of the files, in their order, or null for nothing at all.
 * @param source "chosen" for what an event brings to the page, which is fired again then; "read" for what a page reads otherwise;
 * "sent" for what a page is about to send
 */
export async function release(files, source) {
  const kinds = await Promise.all(files.map((file) => (isApproved(file) ? "other" : kindOfFile(file))));
  if (source === "sent") await approveKnown(files, kinds);
  const asked = files.filter((file, index) => kinds[index] !== "other" && !isApproved(file) && !underway.has(file));
  if (asked.length > 0) protectTogether(asked, asked.map((file) => kinds[files.indexOf(file)]));
  const results = await Promise.all(files.map((file, index) =>
    kinds[index] === "other" || isApproved(file) ? approve(file) : underway.get(file)));
  if (results.includes(null)) return null;
  if (!results.includes(LEFT)) return results;
  // The script that came later hears events, but a call that waits here passed it before it came.
  if (source === "chosen") return results.map((result, index) => (result === LEFT ? files[index] : result));
  sayGone();
  return null;
}

/** A page sends pieces and re-encodings of what it was given: they are not protected a second time. */
async function approveKnown(files, kinds) {
  for (const [index, file] of files.entries()) {
    if (kinds[index] !== "photo" || isApproved(file)) continue;
    if ((await beginsProtectedPhoto(file)) || (await isReworked(file))) approve(file);
  }
}

function protectTogether(files, kinds) {
  const verdict = askAbout(files, kinds);
  for (const [index, file] of files.entries()) {
    const result = verdict.then((results) => results && results[index]);
    underway.set(file, result);
    // A file that was refused can be chosen again; one that was released goes as it is from now on.
    result.then(() => underway.delete(file), () => underway.delete(file));
  }
}

/** What the page may have in place of each file, or null. The person is asked about whatever goes wrong here. */
async function askAbout(files, kinds, failure = "") {
  const made = files.map(() => []); // of each photo that comes back, its pieces: blobs, which the browser holds outside of the tab
  const described = files.map((file, index) =>
    ({ name: String(file.name ?? "photo"), type: native.blobType(file), kind: kinds[index], size: native.size(file) }));
  const answers = await ask(described, {
    failure,
    read: (index, seq) => pieceOf(files[index], seq).catch(() => null),
    take: (index, seq, data) => made[index].splice(seq, Infinity, new native.Blob([fromBase64(data)])),
  });
  try {
    return answers && files.map((file, index) => given(file, answers[index], made[index]));
  } catch (error) {
    return askAbout(files, kinds, String(error));
  }
}

/** A piece of the file as base64. */
async function pieceOf(file, seq) {
  return toBase64(new Uint8Array(await native.buffer(native.slice(file, seq * CHUNK_BYTES, (seq + 1) * CHUNK_BYTES))));
}

function given(file, { as, name, type, size }, pieces) {
  if (as === "left") return LEFT;
  if (as === "original") return approve(file);
  const photo = new native.File(pieces, name, { type, lastModified: file.lastModified ?? Date.now() });
  if (native.size(photo) !== size) throw new Error("a piece of the photo was lost");
  if (file.webkitRelativePath) Object.defineProperty(photo, "webkitRelativePath", { value: file.webkitRelativePath });
  return approveProtected(photo, file);
}
