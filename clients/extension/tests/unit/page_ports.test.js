// Files between the extension's pages and the background script: however large, no message is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { servePagePort } from "../../background/page_ports.js";
import { callWithFile } from "../../pages/page.js";

const MESSAGE_BYTES = 1024 * 1024; // far below the 64 MiB that Chromium takes
const large = Uint8Array.from({ length: 3000000 }, (_, index) => index % 251);

/** Two ends of a port that hand on copies, as the browsers do; notes the longest message. */
function fakePorts() {
  const seen = { longest: 0 };
  const end = () => {
    const listeners = { message: [], disconnect: [] };
    return { listeners, onMessage: { addListener: (listen) => listeners.message.push(listen) }, onDisconnect: { addListener: (listen) => listeners.disconnect.push(listen) } };
  };
  const [page, background] = [end(), end()];
  for (const [from, to] of [[page, background], [background, page]]) {
    from.postMessage = (message) => {
      const text = JSON.stringify(message);
      seen.longest = Math.max(seen.longest, text.length);
      queueMicrotask(() => to.listeners.message.forEach((listen) => listen(JSON.parse(text))));
    };
    from.disconnect = () => queueMicrotask(() => to.listeners.disconnect.forEach((listen) => listen()));
  }
  return { seen, page, background };
}

function connected(host) {
  const { seen, page, background } = fakePorts();
  globalThis.chrome = { runtime: { connect: () => page }, i18n: { getMessage: () => "" } };
  servePagePort(background, host);
  return { seen, page, background };
}

test("a large ledger comes, and goes", async () => {
  const asked = [];
  const host = { request: async (action, { files } = {}) => {
    asked.push([action, files?.ledger.name, files?.ledger.bytes.length]);
    return action === "ledger_export" ? { result: { entries: 2 }, files: { ledger: { name: "ledger.json", bytes: large } } } : { result: { added: 2 }, files: {} };
  } };
  const came = connected(host);
  const { bytes, ...value } = await callWithFile("ledger export");
  assert.deepEqual(value, { name: "ledger.json", entries: 2 });
  assert.ok(Buffer.from(bytes).equals(Buffer.from(large)));
  const went = connected(host);
  assert.equal((await callWithFile("ledger import", { name: "mine" }, large)).added, 2);
  assert.deepEqual(asked, [["ledger_export", undefined, undefined], ["ledger_import", "mine", large.length]]);
  for (const { seen } of [came, went]) assert.ok(seen.longest < MESSAGE_BYTES);
});

test("what fails says so: at the host, where nothing such can be asked, where the background script goes", async () => {
  connected({ request: async () => assert.fail("broken") });
  await assert.rejects(callWithFile("ledger export"), { code: "INTERNAL" });
  for (const type of ["settings", "toString"]) {
    connected({});
    await assert.rejects(callWithFile(type), { code: "INTERNAL", message: /no such message/ });
  }
  const { background } = connected({ request: () => new Promise(() => {}) });
  const asked = callWithFile("ledger export");
  background.disconnect();
  await assert.rejects(asked, { code: "BACKGROUND_GONE" });
});
