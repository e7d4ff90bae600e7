// The second wall: while the host can not protect, requests to known upload addresses are stopped by the browser itself,
// whatever the page does. Known are those of the named sites, and those that took a protected photo before.

import { siteOf } from "./policy.js";
import { UPLOADS } from "./sites.js";

const LEARNED_LIMIT = 200;
const PASS_SECONDS = 60;
const PASS_RULES = 100000; // their ids begin here
const RESOURCES = ["xmlhttprequest", "main_frame", "sub_frame", "ping", "other"];
const METHODS = ["post", "put", "patch"];
let isUp = false;
let working = Promise.resolve();

/** One after the other: two at once would each undo what the other wrote. */
const inTurn = (work) => (working = working.then(work, work));

/** Parts of a path that are another for each photo: numbers, ids, the photo's name. */
const CHANGING = /^(\d{4,}|(?=.*\d)[\w.~%-]{8,}|.*\.(jpe?g|png|webp|tiff?|bmp|hei[cf]|avif|gif))$/i;

/** An address without its query, which may hold secrets, and without what changes, as DNR's filter; null for what is no web address. */
export function filterOf(address) {
  try {
    const { protocol, host, pathname } = new URL(address);
    if (!/^https?:$/.test(protocol) || /[*^|]/.test(pathname)) return null;
    const path = pathname.split("/").map((part) => (CHANGING.test(part) ? "*" : part)).join("/");
    return `|${protocol}//${host}${path}`;
  } catch {
    return null;
  }
}

/** Remembers where a protected photo went. */
export async function learnUpload(address) {
  const filter = filterOf(address);
  if (!filter || !/^[\x20-\x7e]+$/.test(filter)) return;
  await inTurn(async () => {
    const { uploads = [] } = await chrome.storage.local.get("uploads");
    if (!uploads.includes(filter)) await chrome.storage.local.set({ uploads: [filter, ...uploads].slice(0, LEARNED_LIMIT) });
  });
}

/** Puts the wall up, with the settings' exceptions, or takes it down. */
export function setWall(up, settings) {
  isUp = up;
  return inTurn(() => build(settings));
}

async function build(settings) {
  const rules = isUp ? await blockingRules(settings) : [];
  const old = await chrome.declarativeNetRequest.getSessionRules();
  const removeRuleIds = old.map(({ id }) => id).filter((id) => id < PASS_RULES);
  await chrome.declarativeNetRequest.updateSessionRules({ removeRuleIds, addRules: rules });
}

/** The domains that a list of granted origins names; "*" for all. */
export const domainsOf = (origins) =>
  [...new Set(origins.map((origin) => /^[^:]+:\/\/(?:\*\.)?([a-z0-9.-]+|\*)\//.exec(origin)?.[1]).filter(Boolean))];

/**
 * Whose requests to an address are stopped: everybody's where it is a granted site's own; else, in a cloud's storage for one,
 * those of granted sites, for there other sites have a business of their own.
 */
export function initiatorsFor(filter, domains) {
  const [, host] = /^\|\|?(?:https?:\/\/)?([^/:]+)/.exec(filter);
  const isOwn = domains.some((domain) => domain === "*" || host === domain || host.endsWith(`.${domain}`));
  return isOwn ? {} : { initiatorDomains: domains };
}

async function blockingRules(settings) {
  const { uploads = [] } = await chrome.storage.local.get("uploads");
  const domains = domainsOf((await chrome.permissions.getAll()).origins ?? []);
  if (domains.length === 0) return []; // the person granted no site: there is nothing to guard
  const off = offSitesOf(settings);
  // Where a domain is let through, all beneath it are: those that the person left on get rules of their own.
  const on = Object.keys(settings.sites).filter((site) => !off.includes(site) && off.some((domain) => site.endsWith(`.${domain}`)));
  const conditions = [...UPLOADS, ...uploads].flatMap((urlFilter) => [
    { urlFilter, ...initiatorsFor(urlFilter, domains), ...(off.length > 0 && { excludedInitiatorDomains: off }) },
    ...(on.length > 0 ? [{ urlFilter, initiatorDomains: on }] : []),
  ]);
  return conditions.map((condition, index) => ({
    id: index + 1,
    priority: 1,
    action: { type: "block" },
    condition: { ...condition, resourceTypes: RESOURCES, requestMethods: METHODS },
  }));
}

/** Lets one tab through for a minute: the person said so. When it ends is kept, for the worker may end before. */
export async function letThrough(tabId) {
  if (tabId === undefined || tabId < 0) return;
  const id = PASS_RULES + tabId;
  const when = Date.now() + 1000 * PASS_SECONDS;
  await inTurn(async () => {
    await chrome.storage.session.set({ passes: { ...(await passEnds()), [id]: when } });
    const condition = { tabIds: [tabId], resourceTypes: RESOURCES, requestMethods: METHODS };
    const rule = { id, priority: 2, action: { type: "allow" }, condition };
    await chrome.declarativeNetRequest.updateSessionRules({ removeRuleIds: [id], addRules: [rule] });
  });
  chrome.alarms.create(`the end of pass ${id}`, { when });
}

const passEnds = async () => (await chrome.storage.session.get("passes")).passes ?? {};

/** Takes back the passes whose time is over. */
export function closePasses() {
  return inTurn(async () => {
    const ends = await passEnds();
    const isOver = (id) => !(ends[id] > Date.now());
    const rules = await chrome.declarativeNetRequest.getSessionRules();
    const removeRuleIds = rules.map(({ id }) => id).filter((id) => id >= PASS_RULES && isOver(id));
    if (removeRuleIds.length > 0) await chrome.declarativeNetRequest.updateSessionRules({ removeRuleIds });
    await chrome.storage.session.set({ passes: Object.fromEntries(Object.entries(ends).filter(([id]) => !isOver(id))) });
  });
}

/** Sites that are switched off, as the wall's exceptions. */
export const offSitesOf = ({ sites }) =>
  Object.keys(sites).filter((site) => sites[site] === "off" && siteOf(`https://${site}`) === site);
