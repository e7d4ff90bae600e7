// Sites beyond the manifest's: the person grants them one by one, and the same content scripts are registered for them.

// Named here, for Firefox's own manifest gives them as whole addresses, which it does not take back.
// Chromium runs them in the order of their ids, whatever the order of registration: the page world's listens first.
const SCRIPTS = [
  { id: "granted-1-page-world", world: "MAIN", js: ["content/page_world.js"] },
  { id: "granted-2-own-world", world: "ISOLATED", js: ["content/own_world.js"] },
];
let registering = Promise.resolve();

/**
 * Registers the content scripts for every granted origin that the manifest does not name, where they are not registered yet.
 * Throws where the browser does not take them. Chromium forgets them at every update, and at every start of an unpacked extension.
 */
export function registerGrantedSites() {
  registering = registering.then(register, register); // one after the other: two would register the same twice
  return registering;
}

async function register() {
  const [{ matches: named }] = chrome.runtime.getManifest().content_scripts;
  const { origins = [] } = await chrome.permissions.getAll();
  const matches = origins.filter((origin) => !named.includes(origin));
  const wanted = matches.length > 0 ? SCRIPTS.map((script) => ({ ...script, matches })) : [];
  const old = await chrome.scripting.getRegisteredContentScripts();
  const isWanted = (known) => wanted.some(({ id }) => id === known.id);
  const isThere = (script) => old.some((known) => known.id === script.id && isSameSet(known.matches, script.matches));
  // What is right already stays as it is: a page that loads between taking away and registering again would go unguarded.
  const wrong = wanted.filter((script) => !isThere(script));
  const known = wrong.filter(({ id }) => old.some((script) => script.id === id));
  const unknown = wrong.filter((script) => !known.includes(script));
  const gone = old.filter((script) => !isWanted(script)).map(({ id }) => id);
  if (gone.length > 0) await chrome.scripting.unregisterContentScripts({ ids: gone });
  if (known.length > 0) await chrome.scripting.updateContentScripts(known);
  if (unknown.length > 0) await chrome.scripting.registerContentScripts(unknown.map((script) => ({ ...script,
    // where the person grants all sites, the manifest's scripts are on the named ones already
    excludeMatches: named, allFrames: true, matchOriginAsFallback: true, runAt: "document_start", persistAcrossSessions: true })));
}

const isSameSet = (one, other) => one.length === other.length && one.every((value) => other.includes(value));
