// What a content script says reaches neither the ledger nor a restore.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeChrome } from "./fake_chrome.js";
import { answerContentScript } from "../../background/content_messages.js";

test("content scripts can not ask for what only the extension's own pages may", async () => {
  globalThis.chrome = { storage: { local: { get: async () => ({}) } } };
  const asked = [];
  const host = { request: async (action) => asked.push(action), ready: async () => {} };
  for (const type of ["restored", "restore again", "unlock", "replace in page", "ledger list", "ledger export", "ledger forget", "ledger import",
    "restore", "set mode", "change settings", "health", undefined]) {
    await assert.rejects(answerContentScript({ type, action: "restore" }, { url: "https://example.org/" }, host), RangeError, type);
  }
  await answerContentScript({ type: "wake", action: "restore" }, { url: "https://example.org/" }, host);
  assert.deepEqual(asked, ["wake"]);
});

test("a page that asks for the service again and again asks the host once at a time", async () => {
  const wake = { type: "wake" };
  const sender = { url: "https://example.org/" };
  let end;
  const asked = [];
  const host = { request: (action) => new Promise((resolve, reject) => {
    asked.push(action);
    end = reject;
  }) };
  for (let times = 0; times < 40; times += 1) await answerContentScript(wake, sender, host);
  assert.deepEqual(asked, ["wake"]);
  end(new Error("no service answers"));
  await new Promise((resolve) => setTimeout(resolve));
  await answerContentScript(wake, sender, host);
  assert.deepEqual(asked, ["wake", "wake"]);
});

test("originals that are sent in a private window are let through, and kept nowhere", async () => {
  const seen = fakeChrome();
  for (const incognito of [true, false]) {
    await answerContentScript({ type: "originals sent", count: 1, code: "ASKED" }, { tab: { id: 3, url: "https://example.org/x", incognito } }, {});
    const { originalsSent = [] } = await chrome.storage.local.get("originalsSent");
    assert.deepEqual(originalsSent.map(({ site }) => site), incognito ? [] : ["example.org"]);
    assert.deepEqual(seen.rules.map(({ condition }) => condition.tabIds), [[3]]);
  }
});
