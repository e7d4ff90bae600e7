// The file system's ways to a file: entries and handles, of drops and of pickers.

import { approve, beginsProtectedPhoto, isApproved } from "./approval.js";
import { hook, native } from "./natives.js";
import { isOff, release } from "./release.js";

const released = new WeakMap(); // handle of a drop -> the file that the page got for it
const carried = new WeakMap(); // a file of a transfer that was made anew -> {file, entry, handle}
const ofOriginals = new Map(); // handle -> whether the page has a protected photo of it: a promise, for that is found out

/** Lets the items of a made transfer answer for their entries and handles as the true ones did. */
export function carryEntries(transfer, files, extras) {
  [...transfer.items].filter((item) => item.kind === "file").forEach((item, index) => {
    const file = item.getAsFile();
    if (file) carried.set(file, { file: files[index], ...extras[index] });
    extras[index].handle?.then((handle) => {
      if (handle?.kind !== "file") return;
      released.set(handle, files[index]);
      noteOriginal(handle, files[index]);
    }, () => {});
  });
}

/** An entry for a file that has none: what pages use of it is its name and file(). */
function entryOf(file) {
  return {
    isFile: true, isDirectory: false, name: file.name, fullPath: `/${file.name}`,
    file: (onFile) => queueMicrotask(() => onFile(file)),
  };
}

function refusal() {
  return new native.DOMException("The file is not available.", "NotAllowedError");
}

export function guardEntries() {
  hook(globalThis.DataTransferItem?.prototype, "webkitGetAsEntry", (get, item) => {
    const known = item.kind === "file" ? carried.get(item.getAsFile()) : null;
    if (!known) return get();
    return known.entry?.isDirectory ? known.entry : entryOf(known.file);
  });
  hook(globalThis.DataTransferItem?.prototype, "getAsFileSystemHandle", (get, item) => {
    const known = item.kind === "file" ? carried.get(item.getAsFile()) : null;
    return known?.handle ?? get();
  });
  hook(globalThis.FileSystemFileEntry?.prototype, "file", (read, self, [onFile, onError]) =>
    read(async (file) => {
      const results = isOff() || isApproved(file) ? [file] : await release([file], "read").catch(() => null);
      if (results) onFile?.(results[0]);
      else onError?.(refusal());
    }, onError));
  hook(globalThis.FileSystemFileHandle?.prototype, "getFile", async (read, handle) => {
    if (released.has(handle)) return released.get(handle);
    const file = await read();
    if (isOff() || (await isOriginPrivate(handle))) return approve(file);
    const results = await release([file], "read");
    if (!results) throw refusal();
    noteOriginal(handle, results[0]);
    return results[0];
  });
  // What a page makes of a protected photo is not written over the person's original.
  hook(globalThis.FileSystemFileHandle?.prototype, "createWritable", async (create, handle, args) => {
    for (const [known, isOne] of ofOriginals) if ((await isOne) && (await isSameEntry.call(known, handle))) throw refusal();
    return create(...args);
  });
}

function noteOriginal(handle, file) {
  const before = ofOriginals.get(handle);
  ofOriginals.set(handle, (async () => (await before) || beginsProtectedPhoto(file))());
}

const privateRoot = globalThis.navigator?.storage?.getDirectory?.bind(navigator.storage);
const resolve = globalThis.FileSystemDirectoryHandle?.prototype.resolve;
const isSameEntry = globalThis.FileSystemHandle?.prototype.isSameEntry;

/** Whether the handle is in the page's own private storage: what is there came from the page. */
async function isOriginPrivate(handle) {
  try {
    return (await resolve.call(await privateRoot(), handle)) !== null;
  } catch {
    return false;
  }
}
