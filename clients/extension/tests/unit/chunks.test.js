// Cutting and assembling files, against the vectors that the host is tested with.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Assembly, sha256Hex, split } from "../../shared/chunks.js";
import { fromBase64, toBase64 } from "../../shared/base64.js";
import { VECTORS } from "./vectors.js";

// Which file a chunk belongs to is the request's business: host_port.test.js.
const OF_REQUESTS = "a file that was not described";

for (const { name, file, chunks, content_base64: content, code } of VECTORS.assembly.filter(({ name }) => name !== OF_REQUESTS)) {
  test(`assembly: ${name}`, async () => {
    const assemble = async () => {
      const assembly = new Assembly();
      for (const chunk of chunks) assembly.add(chunk);
      return assembly.checked(file);
    };
    if (code) await assert.rejects(assemble, { code });
    else assert.equal(toBase64(await assemble()), content);
  });
}

for (const { size_bytes: size, chunk_bytes: chunkBytes, chunk_sizes: sizes, sha256 } of VECTORS.splitting) {
  test(`splitting ${size} bytes by ${chunkBytes}`, async () => {
    const bytes = Uint8Array.from({ length: size }, (_, index) => (7 * index + 3) % 256);
    const chunks = [...split(bytes, chunkBytes)];
    assert.deepEqual(chunks.map(({ data }) => fromBase64(data).length), sizes);
    assert.deepEqual(chunks.map(({ seq }) => seq), sizes.map((_, index) => index));
    assert.equal(await sha256Hex(bytes), sha256);
  });
}

test("no frame of ours is longer than the protocol allows", () => {
  const [chunk] = split(new Uint8Array(VECTORS.limits.chunk_bytes));
  const frame = JSON.stringify({ type: "chunk", id: "r".repeat(64), file: "protected", ...chunk });
  assert.ok(frame.length < VECTORS.limits.frame_bytes);
});
