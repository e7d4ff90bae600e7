// What the extension's own pages may ask: health, settings, the ledger, the viewer's photo.

import * as health from "./health.js";
import { originalsSent, recent } from "./journal.js";
import { change, modeOf, setMode, settings } from "./policy.js";
import { registerGrantedSites } from "./granted_sites.js";
import { replaceInPage, restoreAgain, restored } from "./restore_menu.js";
import { setWall } from "./wall.js";

const ANSWERS = {
  health: async (_, host) => {
    try {
      const hello = await host.ready();
      const { result } = await host.request("status");
      if (result.healthy) await health.note(null);
      return { ...result, service: hello.service, failure: health.currentFailure() };
    } catch (error) {
      return { healthy: false, checks: [], failure: error.toMessage?.() ?? { code: "INTERNAL", message: error.message } };
    }
  },
  site: async ({ site }) => ({ mode: modeOf(site, await settings()) }),
  "set mode": async ({ site, mode }) => policyChanged(await setMode(site, mode)),
  settings: () => settings(),
  "change settings": async ({ changes }) => policyChanged(await change(changes)),
  recent: () => recent(),
  "originals sent": () => originalsSent(),
  "register sites": () => registerGrantedSites(),
  "ledger list": async ({ limit, offset }, host) => (await host.request("ledger_list", { params: { limit, offset } })).result,
  "ledger forget": async ({ entries }, host) => (await host.request("ledger_forget", { params: { entries } })).result,
  // Handed on and kept nowhere: the host holds the opened key until the browser ends.
  unlock: async ({ passphrase }, host) => (await host.request("unlock", { params: { passphrase } })).result,
  "replace in page": ({ id }) => replaceInPage(id),
};

/** What has a file in it, the question or the answer ({bytes, ...}). */
const FILE_ANSWERS = {
  "ledger export": async (_, host) => {
    const { result, files } = await host.request("ledger_export");
    return { ...result, name: files.ledger.name, bytes: files.ledger.bytes };
  },
  "ledger import": async ({ name }, host, bytes) => {
    const ledger = { name, mime_type: "application/octet-stream", bytes };
    return (await host.request("ledger_import", { files: { ledger } })).result;
  },
  restored: ({ id }) => restored(id),
  "restore again": ({ id, withoutReceipt }, host) => restoreAgain(id, withoutReceipt ? { without_receipt: true } : {}, host),
};

export const answerOwnPage = (message, host) => answerBy(ANSWERS, message, host);
/** The same over a port (page_ports.js), with a file either way. */
export const answerWithFile = (message, bytes, host) => answerBy(FILE_ANSWERS, message, host, bytes);

async function answerBy(answers, message, ...rest) {
  if (!Object.hasOwn(answers, message?.type)) throw new RangeError("no such message");
  return answers[message.type](message, ...rest);
}

/** Tells every open page at once: a site that was switched on must not stay open until it is loaded again. */
async function policyChanged(all) {
  for (const tab of await chrome.tabs.query({})) chrome.tabs.sendMessage(tab.id, { type: "policy changed" }).catch(() => {});
  if (health.currentFailure()) await setWall(true, all);
  return all;
}
