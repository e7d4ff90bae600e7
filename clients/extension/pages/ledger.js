// The ledger's part of the options page: list, forget, export, import.

import { call, callWithFile, make, text } from "./page.js";
import { saveAs } from "./save.js";

const PAGE = 50;
const place = (id) => document.getElementById(id);
const said = (words) => (place("ledger-said").textContent = words);
const truth = (value) => text(value === null ? "unknown" : value ? "yes" : "no");

/** Fills the list and makes the buttons work. */
export async function showLedger() {
  place("export").addEventListener("click", () => exportLedger().catch((error) => said(error.message)));
  place("choose").addEventListener("click", () => place("import").click());
  place("import").addEventListener("change", () => importLedger().catch((error) => said(error.message)));
  await list();
}

async function list() {
  const { total, entries } = await call("ledger list", { limit: PAGE, offset: 0 });
  if (total === 0) return place("ledger").replaceChildren(make("p", { className: "small", text: text("ledgerNone") }));
  const heads = ["ledgerWhen", "ledgerWhere", "ledgerName", "ledgerTier", "ledgerProtected"].map((key) => make("th", { text: text(key) }));
  const body = make("tbody", {}, entries.map(row));
  const more = make("button", { text: text("ledgerMore"), hidden: entries.length >= total });
  let shown = entries.length;
  more.addEventListener("click", async () => {
    const next = await call("ledger list", { limit: PAGE, offset: shown });
    body.append(...next.entries.map(row));
    shown += next.entries.length;
    more.hidden = shown >= total || next.entries.length === 0;
  });
  const table = make("table", {}, [make("thead", {}, [make("tr", {}, [...heads, make("th")])]), body]);
  place("ledger").replaceChildren(make("p", { text: text("ledgerCount", total) }), table, more);
}

function row(entry) {
  const forget = make("button", { text: text("ledgerForget") });
  forget.addEventListener("click", async () => {
    if (!confirm(text("ledgerForgetSure"))) return;
    await call("ledger forget", { entries: [entry.id] }).then(list, (error) => said(error.message));
  });
  const cells = [new Date(entry.protected_at).toLocaleString(), entry.page_origin, entry.file_name, entry.tier, truth(entry.is_protected)];
  return make("tr", {}, [...cells.map((cell) => make("td", { text: cell })), make("td", {}, [forget])]);
}

async function exportLedger() {
  const { name, bytes } = await callWithFile("ledger export");
  saveAs(name, bytes);
}

async function importLedger() {
  const [file] = place("import").files;
  const { added, known } = await callWithFile("ledger import", { name: file.name }, new Uint8Array(await file.arrayBuffer()));
  said(text("ledgerImported", added, known));
  place("import").value = "";
  await list();
}
