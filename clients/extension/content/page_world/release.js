// The one gate: files go in, and what the page may have comes out.

import { Assembly, FILE_BYTES, split } from "../../shared/chunks.js";
import { HEAD_BYTES, kindOf } from "../../shared/kind.js";
import { approve, approveProtected, beginsProtectedPhoto, isApproved } from "./approval.js";
import { isReworked } from "./lineage.js";
import { ask, mode } from "./link.js";
import { native } from "./natives.js";

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
 * @param source "chosen" for what a person picks, "sent" for what a page is about to send
 */
export async function release(files, source = "chosen") {
  const kinds = await Promise.all(files.map((file) => (isApproved(file) ? "other" : kindOfFile(file))));
  if (source === "sent") await approveKnown(files, kinds);
  const asked = files.filter((file, index) => kinds[index] !== "other" && !isApproved(file) && !underway.has(file));
  if (asked.length > 0) protectTogether(asked, asked.map((file) => kinds[files.indexOf(file)]), source);
  const results = await Promise.all(files.map((file, index) =>
    kinds[index] === "other" || isApproved(file) ? approve(file) : underway.get(file)));
  return results.includes(null) ? null : results;
}

/** A page sends pieces and re-encodings of what it was given: they are not protected a second time. */
async function approveKnown(files, kinds) {
  for (const [index, file] of files.entries()) {
    if (kinds[index] !== "photo" || isApproved(file)) continue;
    if ((await beginsProtectedPhoto(file)) || (await isReworked(file))) approve(file);
  }
}

function protectTogether(files, kinds, source) {
  const verdict = askAbout(files, kinds, source);
  for (const [index, file] of files.entries()) {
    const result = verdict.then((answers) => (answers ? given(file, answers[index]) : null));
    underway.set(file, result);
    // A file that was refused can be chosen again; one that was released goes as it is from now on.
    result.then(() => underway.delete(file), () => underway.delete(file));
  }
}

async function askAbout(files, kinds, source) {
  const described = await Promise.all(files.map(async (file, index) => {
    const isNeeded = kinds[index] === "photo" && native.size(file) <= FILE_BYTES;
    const chunks = isNeeded ? await chunksOf(file).catch(() => null) : null;
    return { name: file.name ?? "photo", type: native.blobType(file), kind: kinds[index], size: native.size(file), chunks };
  }));
  return ask(described, source);
}

/** The file as base64 chunks: between the worlds go texts alone, since Firefox keeps the worlds' objects apart. */
async function chunksOf(file) {
  return Array.from(split(new Uint8Array(await native.buffer(file))), ({ data }) => data);
}

function given(file, answer) {
  if (answer.as === "original") return approve(file);
  const assembly = new Assembly();
  answer.chunks.forEach((data, seq) => assembly.add({ seq, data }));
  const photo = new native.File([assembly.bytes()], answer.name, { type: answer.type, lastModified: file.lastModified ?? Date.now() });
  if (file.webkitRelativePath) Object.defineProperty(photo, "webkitRelativePath", { value: file.webkitRelativePath });
  return approveProtected(photo, file);
}
