// What the background script has of the browser, as far as the wall and the badge need it.

const area = () => {
  let kept = {};
  const wait = () => new Promise((resolve) => setTimeout(resolve));
  return {
    get: async (name) => (await wait(), structuredClone(name in kept ? { [name]: kept[name] } : {})),
    set: async (more) => (await wait(), void (kept = { ...kept, ...structuredClone(more) })),
  };
};

/** Puts a browser in the place of chrome; {rules, alarms, badge} tell what came of it. */
export function fakeChrome({ origins = ["https://*.example.org/*"] } = {}) {
  const seen = { rules: [], alarms: new Map(), badge: "" };
  globalThis.chrome = {
    storage: { local: area(), session: area() },
    permissions: { getAll: async () => ({ origins }) },
    alarms: { create: (name, info) => void seen.alarms.set(name, info) },
    action: { setBadgeText: async ({ tabId, text }) => void (tabId === undefined && (seen.badge = text)), setBadgeBackgroundColor: async () => {} },
    declarativeNetRequest: {
      getSessionRules: async () => structuredClone(seen.rules),
      updateSessionRules: async ({ removeRuleIds = [], addRules = [] }) => {
        seen.rules = [...seen.rules.filter(({ id }) => !removeRuleIds.includes(id)), ...addRules];
      },
    },
  };
  return seen;
}
