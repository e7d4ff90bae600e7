// Restoring begins in the context menu and nowhere else. The restored photo is shown in the extension's own viewer, for a
// page can read whatever is put into it; to replace it in the page is asked for there.

import { fromBase64, toBase64 } from "../shared/base64.js";
import { FILE_BYTES } from "../shared/chunks.js";
import { Failure } from "../shared/failure.js";
import { note } from "./health.js";
import { hostName } from "./photo_ports.js";

const KEPT = 8;
const restorations = new Map(); // id -> {promise, source, tabId, frameId, bytes}

export function makeMenus() {
  chrome.contextMenus.removeAll(() => {
    chrome.contextMenus.create({ id: "restore", title: chrome.i18n.getMessage("menuRestore"), contexts: ["image"] });
  });
}

/** A click on "Restore the original". */
export async function onMenu({ menuItemId, srcUrl, frameId }, tab, host) {
  if (menuItemId !== "restore" || !srcUrl) return;
  // Asked for before anything is awaited: the click's permission to ask ends with the first wait.
  const granted = /^https?:/.test(srcUrl) ? chrome.permissions.request({ origins: [`${new URL(srcUrl).origin}/*`] }) : true;
  const id = crypto.randomUUID();
  const job = { source: srcUrl, tabId: tab?.id, frameId: frameId ?? 0, original: null };
  job.fetched = Promise.resolve(granted).catch(() => false).then(() => fetchImage(srcUrl, tab?.id, job.frameId));
  job.promise = job.fetched.then((bytes) => restore(bytes, srcUrl, {}, host, job));
  job.promise.catch(() => {});
  restorations.set(id, job);
  if (restorations.size > KEPT) restorations.delete(restorations.keys().next().value);
  await chrome.tabs.create({ url: chrome.runtime.getURL(`pages/viewer.html#${id}`), openerTabId: tab?.id });
}

/** What the viewer shows: {name, bytes, ...the host's result}. */
export async function restored(id) {
  const job = restorations.get(id);
  if (!job) throw new Failure("UNKNOWN_ENTRY");
  return job.promise;
}

/** The same image again: with the key unlocked, or, as params say, without a receipt. */
export async function restoreAgain(id, params, host) {
  const job = restorations.get(id);
  if (!job) throw new Failure("UNKNOWN_ENTRY");
  job.promise = restore(await job.fetched, job.source, params, host, job);
  return job.promise;
}

/** Puts the restored photo into the page. The page can read it then: the viewer says so before. */
export async function replaceInPage(id) {
  const job = restorations.get(id);
  const { bytes } = await restored(id);
  await chrome.scripting.executeScript({
    target: { tabId: job.tabId, frameIds: [job.frameId] },
    func: (source, address) => {
      for (const image of document.images) {
        if (image.currentSrc !== source && image.src !== source) continue;
        image.removeAttribute("srcset");
        image.src = address;
      }
    },
    args: [job.source, `data:image/png;base64,${toBase64(bytes)}`],
  });
  return null;
}

async function restore(bytes, source, params, host, job) {
  const name = hostName(/^https?:/.test(source) ? decodeURIComponentSafe(new URL(source).pathname.split("/").pop()) : "photo");
  try {
    const { result, files } = await host.request("restore", { params, files: { photo: { name, mime_type: "", bytes } } });
    job.name = files.photo.name;
    return { ...result, name: files.photo.name, bytes: files.photo.bytes };
  } catch (error) {
    note(Failure.from(error));
    throw error;
  }
}

function decodeURIComponentSafe(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The image's bytes: fetched here, or by the page's own frame where only it can (blob: addresses). */
async function fetchImage(source, tabId, frameId) {
  try {
    if (source.startsWith("blob:")) return await fetchInFrame(source, tabId, frameId);
    const response = await fetch(source, { credentials: "include" });
    if (!response.ok) throw new Error(`${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length > FILE_BYTES) throw new Failure("FILE_TOO_LARGE");
    return bytes;
  } catch (error) {
    throw error instanceof Failure ? error : new Failure("UNREADABLE_FILE", `The image could not be fetched: ${error.message}`);
  }
}

async function fetchInFrame(source, tabId, frameId) {
  const [{ result }] = await chrome.scripting.executeScript({
    target: { tabId, frameIds: [frameId] },
    func: async (address) => {
      const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
      let text = "";
      for (let start = 0; start < bytes.length; start += 0x8000) text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
      return btoa(text);
    },
    args: [source],
  });
  return fromBase64(result);
}
