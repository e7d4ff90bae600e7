// What a person decided: for each site on, ask or off; what becomes of animations and videos; which tier, and how strong.

const DEFAULTS = { tier: "sealed", strength: "normal", animations: "warn", videos: "warn", sites: {} };
const MODES = ["on", "ask", "off"];
const TYPE_POLICIES = ["allow", "warn", "block"];
/** How near the protected photo stays to the original, in dB: less misleads more, and shows more. */
const STRENGTHS_DB = { strong: 38, normal: 42, gentle: 46 };

/** The settings, with defaults where nothing was decided. */
export async function settings(storage = chrome.storage.local) {
  return { ...DEFAULTS, ...(await storage.get("settings")).settings };
}

/** Changes some settings; a value that is none of those known is refused with RangeError. */
export async function change(changes, storage = chrome.storage.local) {
  const next = { ...(await settings(storage)), ...changes };
  const isValid =
    ["sealed", "one-pass"].includes(next.tier) &&
    Object.hasOwn(STRENGTHS_DB, next.strength) &&
    TYPE_POLICIES.includes(next.animations) &&
    TYPE_POLICIES.includes(next.videos) &&
    Object.values(next.sites).every((mode) => MODES.includes(mode));
  if (!isValid) throw new RangeError("no such setting");
  await storage.set({ settings: next });
  return next;
}

/** What the host is told of the settings with each photo: the options page chooses a strength for the sealed tier alone. */
export const protectParams = ({ tier, strength }) =>
  tier === "sealed" ? { tier, protected_psnr_db: STRENGTHS_DB[strength] } : { tier };

/** Sets a site's mode. */
export async function setMode(site, mode, storage = chrome.storage.local) {
  const { sites } = await settings(storage);
  return change({ sites: { ...sites, [site]: mode } }, storage);
}

/** The site of an address: its host name, or "" where it has none. */
export function siteOf(address) {
  try {
    return new URL(address).hostname;
  } catch {
    return "";
  }
}

/** The mode of a site: on where nothing was decided. */
export const modeOf = (site, { sites }) => sites[site] ?? "on";
