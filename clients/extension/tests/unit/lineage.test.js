import assert from "node:assert/strict";
import { test } from "node:test";
import { share } from "../../content/page_world/lineage_share.js";

const noise = (seed, size) => Array.from({ length: 4 * 1024 }, (_, index) => Math.round(size * Math.sin(seed * (index + 1) ** 1.5)));
const sum = (...lists) => lists[0].map((_, index) => lists.reduce((total, list) => total + list[index], 0));

test("what was made from the protected photo has its pattern, what was made from the original has not", () => {
  const original = noise(1, 100);
  const photo = sum(original, noise(2, 4));
  const loss = noise(3, 3);
  assert.ok(Math.abs(share(sum(photo, loss), original, photo) - 1) < 0.2);
  assert.ok(Math.abs(share(sum(original, loss), original, photo)) < 0.2);
  assert.ok(Number.isNaN(share(noise(5, 100), original, photo)));
});
