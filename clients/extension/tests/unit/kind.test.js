import assert from "node:assert/strict";
import { test } from "node:test";
import { HEAD_BYTES, kindOf } from "../../shared/kind.js";

const bytes = (text, length = 512) => Uint8Array.from(text.padEnd(length, "\0"), (character) => character.charCodeAt(0));
const box = (type, body = "") => `\0\0\0${String.fromCharCode(8 + body.length)}${type}${body}`;
const brands = (...all) => box("ftyp", [all[0], "\0\0\0\0", ...all.slice(1)].join(""));
/** Packets of an MPEG transport stream, with so many bytes before each. */
const packets = (before) => `${"\0".repeat(before)}\x47${"\xff".repeat(187)}`.repeat(3);
const ogg = (codec) => `OggS\0\x02${"\0".repeat(20)}\x01\x1e${codec}`;

const KINDS = {
  photo: ["\xff\xd8\xff\xe0", "\x89PNG\r\n\x1a\n", "RIFF\0\0\0\0WEBPVP8 ", "II*\0", "MM\0*",
    "\xff\x0a", "\0\0\0\x0cJXL \r\n\x87\n", `BM${"\0".repeat(12)}\x28\0\0\0`,
    "FUJIFILMCCD-RAW 0201", "IIRO\x08\0", "IIRS\x08\0", "MMOR\0\0", "IIU\0\x18", "II\x1a\0\0\0HEAPCCDR", "FOVb\0", "\0MRM\0",
    "II\xbc\x01", "\xff\x4f\xff\x51",
    ...["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "heif", "mif1", "mif2", "msf1", "miaf", "avif", "avis", "avio", "MA1A", "MA1B",
      "avci", "avcs", "jpeg", "jpgs", "crx "].map((brand) => brands(brand)),
    brands("abcd", "isom", "heic"), box("free", "12") + brands("heic")],
  animation: ["GIF87a", "GIF89a"],
  video: ["\x1aE\xdf\xa3", "RIFF\0\0\0\0AVI LIST", "RIFF\0\0\0\0CDXAfmt ", "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "\0\0\x01\xba\x44", "\0\0\x01\xb3\x14", "FLV\x01\x05",
    ...["isom", "qt  ", "XAVC", "CAEP", "niko", "mp71", "isml", "abcd"].map((brand) => brands(brand)), brands("abcd", "M4A "),
    box("wide") + box("mdat"), "\0\0\x10\0moov\0\0\0\x6cmvhd", "\x7f\x10\x20\x30mdat", box("free", "12") + box("mdat"), box("skip"), packets(0), packets(4),
    ogg("\x80theora"), ogg("fishead\0"), ogg("BBCD\0")],
  other: ["%PDF-1.7", "PK\x03\x04", "BMX racing is fun to watch", "III. The third part", "FUJIFILM made it", "RIFF\0\0\0\0WAVEfmt ", brands("M4A ", "isom"), brands("M4B "),
    "<svg xmlns=", "", "All wide roads lead home", "Are free things good?", "Go to the Games: a text", `G${"o".repeat(187)}G, two of three`,
    ogg("\x01vorbis"), ogg("OpusHead"), ogg("\x7fFLAC"), ogg("Speex   ")],
};

test("photos, animations, videos and other files, by their first bytes", () => {
  for (const [kind, heads] of Object.entries(KINDS)) for (const text of heads) assert.equal(kindOf(bytes(text)), kind, JSON.stringify(text));
  assert.equal(kindOf(new Uint8Array(2)), "other");
  assert.equal(kindOf(bytes("\0\0\0\x1cftyp", 12)), "video", "cut off");
});

test("no file's beginning is more than is read of it", () => {
  for (const [kind, heads] of Object.entries(KINDS)) {
    for (const text of heads) assert.equal(kindOf(bytes(text, 5000).subarray(0, HEAD_BYTES)), kind, JSON.stringify(text));
  }
});
