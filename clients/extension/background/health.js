// Whether photos can be protected, as far as is known: shown in the badge and the popup, and the wall stands by it.

import { settings } from "./policy.js";
import { setWall } from "./wall.js";

const OF_ONE_PHOTO = /_IMAGE|^IMAGE_|_OUTPUT$|_FORMAT$|_BOMB$|^CANCELLED$|^FILE_|^REQUEST_TIMEOUT$|^TOO_MANY|^INVALID_REQUEST$|^SERVICE_REFUSED$|^RECEIPT_|^IS_ORIGINAL$|^KEY_|LEDGER_FILE|NOT_IN_LEDGER|UNKNOWN_ENTRY|SIZE_MISMATCH/;
/** What only a working service disproves: a host that says hello has not asked it. */
const BEHIND_HOST = /^(SERVICE|LEDGER|INTERNAL$)/;
let failure; // undefined until the first result after the worker's start: what stands from before may be the wall or not
const counts = new Map();

/** The last failure of the host or the service, as a message, or null. */
export const currentFailure = () => failure ?? null;

/** Whether a failure is about the host or the service, and not about one photo. */
export const isAboutHost = (code) => !OF_ONE_PHOTO.test(code);

/** Takes note of an answer (null) or a Failure. */
export async function note(newFailure) {
  const next = newFailure && isAboutHost(newFailure.code) ? newFailure.toMessage() : null;
  if (newFailure && !next) return;
  const isChanged = failure === undefined || (failure === null) !== (next === null);
  failure = next;
  if (!isChanged) return;
  await showBadge();
  await setWall(failure !== null, await settings());
}

/** Takes note that the host says hello. */
export const noteHello = async () => (failure === undefined || BEHIND_HOST.test(failure?.code) ? undefined : note(null));

/** Looks whether the host is there and, unless all is known to be well, whether it is. Throws Failure. */
export async function look(host) {
  await host.ready();
  if (failure !== null && (await host.request("status")).result.healthy) await note(null);
}

/** Counts a protected photo for its tab's badge. */
export async function count(tabId) {
  if (tabId === undefined) return;
  counts.set(tabId, (counts.get(tabId) ?? 0) + 1);
  if (!failure) await chrome.action.setBadgeText({ tabId, text: String(counts.get(tabId)) }).catch(() => {});
}

/** Forgets a tab's count: it went to another page. */
export async function forget(tabId) {
  if (counts.delete(tabId)) await chrome.action.setBadgeText({ tabId, text: null }).catch(() => {});
}

async function showBadge() {
  await chrome.action.setBadgeBackgroundColor({ color: failure ? "#b3261e" : "#1b6e4a" });
  await chrome.action.setBadgeText({ text: failure ? "!" : "" });
  for (const [tabId, photos] of counts) {
    await chrome.action.setBadgeText({ tabId, text: failure ? null : String(photos) }).catch(() => {});
  }
}
