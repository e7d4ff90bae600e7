// Sites beyond the manifest's: the person grants them one by one, and the same content scripts are registered for them.

/** Registers the content scripts for every granted origin that the manifest does not name. */
export async function registerGrantedSites() {
  const { content_scripts: named } = chrome.runtime.getManifest();
  const { origins = [] } = await chrome.permissions.getAll();
  const matches = origins.filter((origin) => !named[0].matches.includes(origin));
  const old = await chrome.scripting.getRegisteredContentScripts();
  if (old.length > 0) await chrome.scripting.unregisterContentScripts({ ids: old.map(({ id }) => id) });
  if (matches.length === 0) return;
  await chrome.scripting.registerContentScripts(
    named.map(({ js, world }) => ({
      id: `granted-${world}`,
      js,
      world,
      matches,
      allFrames: true,
      matchOriginAsFallback: true,
      runAt: "document_start",
      persistAcrossSessions: true,
    })),
  );
}
