// navigator.clipboard.read(): the pictures of what was read are protected when the page asks for them.

import { hook, native } from "./natives.js";
import { isOff, release } from "./release.js";

export function guardClipboard() {
  const read = new WeakSet(); // items of the clipboard; those that the page made are its own
  hook(globalThis.Clipboard?.prototype, "read", async (readItems, self, args) => {
    const items = await readItems(...args);
    for (const item of items) read.add(item);
    return items;
  });
  hook(globalThis.ClipboardItem?.prototype, "getType", async (get, item, args) => {
    const blob = await get(...args);
    if (isOff() || !read.has(item)) return blob;
    const results = await release([blob], "read");
    if (!results) throw new native.DOMException("The clipboard's picture is not available.", "NotAllowedError");
    return results[0];
  });
}
