// The popup: this site's mode, whether photos can be protected, what was protected lately.

import { pairs } from "./pairs.js";
import { call, explain, localise, make, text } from "./page.js";

const MODES = { on: "modeOn", ask: "modeAsk", off: "modeOff" };
const place = (id) => document.getElementById(id);

async function currentAddress() {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  // A test opens the popup as a page, and names the address that it would stand over.
  const named = new URLSearchParams(location.search).get("address");
  const address = named ?? tab?.url ?? "";
  return /^https?:/.test(address) ? new URL(address) : null;
}

async function showSite() {
  const address = await currentAddress();
  if (!address) return place("site").append(make("p", { text: text("siteNone") }));
  place("site").append(make("p", { text: address.hostname }));
  const origins = [`${address.protocol}//${address.hostname}/*`];
  if (await chrome.permissions.contains({ origins })) return place("site").append(await activeSite(address.hostname));
  const grant = make("button", { text: text("siteGrant") });
  grant.addEventListener("click", async () => {
    if (!(await chrome.permissions.request({ origins }))) return;
    grant.replaceWith(await registered() ?? make("p", { className: "good", text: text("siteGranted") }));
  });
  return place("site").append(make("p", { className: "small", text: text("siteNotGranted") }), grant);
}

/** The choice of a mode, where the extension is really there: a permission alone protects nothing. */
const activeSite = async (site) => (await registered()) ?? modeChoice(site);

/** Has the scripts registered for every added site. Resolves with what tells that it failed, or with null. */
const registered = () => call("register sites").then(() => null, (error) => make("p", { className: "bad", text: error.message }));

async function modeChoice(site) {
  const { mode } = await call("site", { site });
  return make("fieldset", {}, Object.entries(MODES).map(([value, key]) => {
    const radio = make("input", { type: "radio", name: "mode", value, checked: value === mode });
    radio.addEventListener("change", () => call("set mode", { site, mode: value }));
    return make("label", {}, [radio, text(key)]);
  }));
}

async function showHealth() {
  place("health").replaceChildren(make("p", { text: text("healthLooking") }));
  const { healthy, checks, failure } = await call("health");
  const isGood = healthy && !failure;
  place("health").replaceChildren(
    make("p", { className: isGood ? "good" : "bad", text: text(isGood ? "healthGood" : "healthBad") }),
    ...(failure ? [make("p", { text: explain(failure) })] : []),
    make("ul", {}, checks.filter(({ ok }) => !ok).map(({ summary, mend }) =>
      make("li", { text: summary }, mend ? [make("br"), make("code", { text: mend })] : []))),
  );
}

localise();
place("options").addEventListener("click", () => chrome.runtime.openOptionsPage());
await Promise.all([showSite(), showHealth(), pairs(3).then((shown) => place("recent").append(...shown))]);
