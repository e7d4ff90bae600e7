// The wall, and what is let through it.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { fakeChrome } from "./fake_chrome.js";

let seen;
/** A module of the background script, as after the worker was started again: it remembers nothing. */
let starts = 0;
const started = (name) => import(`../../background/${name}.js?start=${++starts}`);
const passes = () => seen.rules.filter(({ action }) => action.type === "allow");
const blocks = () => seen.rules.filter(({ action }) => action.type === "block");

beforeEach(() => {
  seen = fakeChrome();
});

test("the pass for an original ends after a minute, also when the worker ended meanwhile", async () => {
  mock.timers.enable({ apis: ["Date"], now: 1000 });
  const { letThrough, closePasses } = await started("wall");
  await letThrough(7);
  const [[name, { when }]] = seen.alarms;
  assert.ok(name && when === 61000, "somebody looks when it ends");
  mock.timers.setTime(60000);
  await closePasses();
  assert.equal(passes().length, 1);
  await (await started("wall")).closePasses();
  assert.equal(passes().length, 1, "after a start, too");
  mock.timers.setTime(61000);
  await (await started("wall")).closePasses();
  assert.equal(passes().length, 0);
  mock.timers.reset();
});

test("two passes end each at its own time; the wall stays", async () => {
  mock.timers.enable({ apis: ["Date"], now: 1000 });
  const wall = await started("wall");
  await wall.setWall(true, { sites: {} });
  await wall.letThrough(7);
  mock.timers.setTime(31000);
  await wall.letThrough(8);
  assert.equal(seen.alarms.size, 2);
  mock.timers.setTime(61000);
  await wall.closePasses();
  assert.deepEqual(passes().map(({ condition }) => condition.tabIds), [[8]]);
  assert.ok(blocks().length > 0);
  mock.timers.reset();
});

test("addresses that are learned at the same time are all kept, each once", async () => {
  const { learnUpload } = await started("wall");
  const addresses = Array.from({ length: 40 }, (_, index) => `https://up${index}.example.org/photos`);
  await Promise.all([...addresses, ...addresses].map(learnUpload));
  const { uploads } = await chrome.storage.local.get("uploads");
  assert.deepEqual([...uploads].sort(), addresses.map((address) => `|${address}`).sort());
});

test("a site that is off is let through, one beneath it that the person left on is not", async () => {
  const { setWall } = await started("wall");
  await setWall(true, { sites: { "example.org": "off", "www.example.org": "on", "other.org": "ask" } });
  const conditions = blocks().filter(({ condition }) => condition.urlFilter === "||api.imgur.com/").map(({ condition }) => condition);
  assert.equal(new Set(blocks().map(({ id }) => id)).size, blocks().length);
  assert.deepEqual(conditions.map(({ initiatorDomains, excludedInitiatorDomains }) => [initiatorDomains, excludedInitiatorDomains]),
    [[["example.org"], ["example.org"]], [["www.example.org"], undefined]]);
  await setWall(false, { sites: {} });
  assert.deepEqual(blocks(), []);
});
