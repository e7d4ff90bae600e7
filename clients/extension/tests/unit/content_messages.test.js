// What a content script says reaches neither the ledger nor a restore.

import assert from "node:assert/strict";
import { test } from "node:test";
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
