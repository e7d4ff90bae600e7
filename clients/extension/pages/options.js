// The options page: settings, sites, server and key (shown, for the host keeps them), the ledger, and the log of originals that were sent on purpose.

import { showLedger } from "./ledger.js";
import { pairs } from "./pairs.js";
import { call, explain, localise, make, text } from "./page.js";

const TYPE_POLICIES = { allow: "policyAllow", warn: "policyWarn", block: "policyBlock" };
const GROUPS = {
  tier: { title: "tierTitle", choices: { sealed: "tierSealed", "one-pass": "tierOnePass" } },
  strength: { title: "strengthTitle", choices: { strong: "strengthStrong", normal: "strengthNormal", gentle: "strengthGentle" } },
  animations: { title: "animationsTitle", choices: TYPE_POLICIES },
  videos: { title: "videosTitle", choices: TYPE_POLICIES },
};
const place = (id) => document.getElementById(id);
const say = (error) => (place("problem").textContent = error.message);

async function showSettings() {
  const settings = await call("settings");
  place("settings").replaceChildren(...Object.entries(GROUPS).map(([name, { title, choices }]) =>
    make("fieldset", {}, [make("legend", { text: text(title) }), ...Object.entries(choices).map(([value, key]) => {
      const radio = make("input", { type: "radio", name, value, checked: settings[name] === value });
      radio.addEventListener("change", () => call("change settings", { changes: { [name]: value } }).catch(say));
      return make("label", {}, [radio, text(key)]);
    })])));
  const sites = Object.entries(settings.sites);
  place("sites").replaceChildren(...(sites.length > 0 ? sites.map(siteLine) : [make("p", { className: "small", text: text("sitesNone") })]));
}

function siteLine([site, mode]) {
  const choice = make("select", { ariaLabel: site }, Object.entries({ on: "modeOn", ask: "modeAsk", off: "modeOff" }).map(([value, key]) =>
    make("option", { value, text: text(key), selected: value === mode })));
  choice.addEventListener("change", () => call("set mode", { site, mode: choice.value }).catch(say));
  return make("label", {}, [choice, site]);
}

async function showService() {
  const { service, failure, public_key: publicKey, checks } = await call("health");
  place("endpoint").textContent = failure ? explain(failure) : text("endpointNow", service?.address || service?.kind);
  const { ok, summary = "", mend = "" } = checks.find(({ name }) => name === "key") ?? {};
  place("key").textContent = publicKey ?? (ok ? text("keyNone") : `${summary} ${mend}`);
  place("copy-key").hidden = !publicKey;
}

async function showSent() {
  const sent = await call("originals sent");
  place("sent").replaceChildren(...(sent.length > 0
    ? sent.map(({ at, site, count, code }) => make("li", { text: text("sentLine", new Date(at).toLocaleString(), site, count, code) }))
    : [make("li", { text: text("sentNone") })]));
}

place("copy-key").addEventListener("click", () =>
  navigator.clipboard.writeText(place("key").textContent).then(() => (place("key-said").textContent = text("keyCopied")), say));

localise();
await Promise.all([showSettings(), showService(), showSent(), showLedger(), pairs(6).then((shown) => place("recent").append(...shown))]
  .map((work) => work.catch(say)));
