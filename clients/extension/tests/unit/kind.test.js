import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOf } from "../../shared/kind.js";

const head = (text) => Uint8Array.from(text.padEnd(32, "\0"), (character) => character.charCodeAt(0));

test("photos, animations, videos and other files, by their first bytes", () => {
  const kinds = {
    photo: ["\xff\xd8\xff\xe0", "\x89PNG\r\n\x1a\n", "RIFF\0\0\0\0WEBPVP8 ", "II*\0", "MM\0*", "\0\0\0\x18ftypheic", "\0\0\0\x1cftypavif",
      "\xff\x0a", "\0\0\0\x0cJXL \r\n\x87\n", `BM${"\0".repeat(12)}\x28\0\0\0`,
      "FUJIFILMCCD-RAW 0201", "IIRO\x08\0", "IIRS\x08\0", "MMOR\0\0", "IIU\0\x18", "\0\0\0\x18ftypcrx ", "II\x1a\0\0\0HEAPCCDR", "FOVb\0", "\0MRM\0",
      "II\xbc\x01", "\xff\x4f\xff\x51"],
    animation: ["GIF87a", "GIF89a"],
    video: ["\0\0\0\x18ftypisom", "\0\0\0\x14ftypqt  ", "\x1aE\xdf\xa3", "RIFF\0\0\0\0AVI LIST"],
    other: ["%PDF-1.7", "PK\x03\x04", "BMX racing is fun to watch", "III. The third part", "FUJIFILM made it", "RIFF\0\0\0\0WAVEfmt ", "\0\0\0\x18ftypM4A ", "<svg xmlns=", ""],
  };
  for (const [kind, heads] of Object.entries(kinds)) for (const text of heads) assert.equal(kindOf(head(text)), kind, JSON.stringify(text));
  assert.equal(kindOf(new Uint8Array(2)), "other");
});
