// What content scripts may say, apart from their photos: none of it reaches the ledger or restores anything.

import { logOriginalsSent } from "./journal.js";
import { modeOf, settings, siteOf } from "./policy.js";
import { learnUpload, letThrough } from "./wall.js";

let waking = null; // one at a time: a page may ask as often as it likes, and the host has places for photos to keep free

export async function answerContentScript(message, sender, host) {
  const site = siteOf(sender.tab?.url ?? sender.url);
  switch (message?.type) {
    case "policy": {
      const all = await settings();
      return { mode: modeOf(site, all), animations: all.animations, videos: all.videos };
    }
    case "wake": // a file picker opens: a service that must be started gets a head start
      waking ??= host.request("wake").catch(() => {}).finally(() => (waking = null));
      return null;
    case "originals sent":
      if (!sender.tab?.incognito) await logOriginalsSent({ site, count: Number(message.count), code: String(message.code) });
      await letThrough(sender.tab?.id);
      return null;
    case "uploaded":
      if (!sender.tab?.incognito) await learnUpload(String(message.address));
      return null;
    default:
      throw new RangeError("no such message");
  }
}
