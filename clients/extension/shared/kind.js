// What a file is, by its first bytes: names and declared types say nothing.

/** How many bytes kindOf needs. */
export const HEAD_BYTES = 512;

const ascii = (head, start, end) => String.fromCharCode(...head.subarray(start, end));
/** HEIF in all its forms, AVIF, and Canon's raw: the service refuses what of these it can not read. */
const PHOTO_BRANDS = /^(hei[cxmsf]|hev[cxms]|mif[1-9]|msf1|miaf|avi[fso]|MA1[AB]|avc[is]|jpeg|jpgs|j2ki|vvic|crx )$/;
const SOUND_BRANDS = /^(M4[ABP] |F4[AB] )$/;
const SOUND_IN_OGG = /^(\x01vorbis|OpusHead|\x7fFLAC|Speex )/;
/** Raw files that are no TIFF: Fujifilm, Olympus, Panasonic, Canon's first, Sigma, Minolta; and JPEG XR. */
const RAW = /^(FUJIFILMCC|IIR[OS]|MMOR|IIU\0|II\x1a\0\0\0HEAP|FOVb|\0MRM|II\xbc)/;
/** ASF (WMV), MPEG's program and elementary streams, FLV, Matroska and WebM. */
const VIDEO = /^(0&\xb2u\x8ef\xcf\x11|\0\0\x01[\xba\xb3]|FLV\x01|\x1aE\xdf\xa3)/;
/** Old QuickTime files begin with no brand. */
const QUICKTIME_BOXES = ["moov", "mdat"];
const FILLING_BOXES = ["wide", "free", "skip"];
const TS_PACKET = 188;

/**
 * "photo" (can be protected, or is refused by the service), "animation" (GIF), "video", or "other".
 * @param {Uint8Array} head the first HEAD_BYTES bytes, or fewer where the file is shorter
 */
export function kindOf(head) {
  if (head.length < 4) return "other";
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return "photo"; // JPEG
  if (head[0] === 0x89 && ascii(head, 1, 4) === "PNG") return "photo";
  if (head[0] === 0xff && head[1] === 0x0a) return "photo"; // JPEG XL, bare
  if (head[0] === 0xff && head[1] === 0x4f && head[2] === 0xff && head[3] === 0x51) return "photo"; // JPEG 2000, bare
  const start = ascii(head, 0, 4);
  if (start === "GIF8") return "animation";
  if (start === "RIFF") return riffKind(ascii(head, 8, 12));
  if (start === "II*\0" || start === "MM\0*" || start === "II+\0" || start === "MM\0+") return "photo"; // TIFF, and most raw files
  if (RAW.test(ascii(head, 0, 10))) return "photo";
  if (start === "\0\0\0\x0c" && ["JXL ", "jP  "].includes(ascii(head, 4, 8))) return "photo"; // JPEG XL, JPEG 2000
  if (VIDEO.test(ascii(head, 0, 8)) || isTransportStream(head)) return "video";
  if (start === "OggS") return SOUND_IN_OGG.test(ascii(head, 28, 36)) ? "other" : "video";
  if (isBmp(head)) return "photo";
  return boxKind(head);
}

/** Files that are made of boxes: four bytes of size, four of type. */
function boxKind(head) {
  const type = ascii(head, 4, 8);
  if (type === "ftyp") return brandKind(head);
  if (QUICKTIME_BOXES.includes(type)) return "video";
  const isFilling = FILLING_BOXES.includes(type) && head[0] === 0; // not a text's fifth letters
  if (!isFilling) return "other";
  const size = (head[1] << 16) | (head[2] << 8) | head[3];
  return size >= 8 && boxKind(head.subarray(size)) === "photo" ? "photo" : "video";
}

function riffKind(form) {
  if (form === "WEBP") return "photo";
  return form === "AVI " || form === "CDXA" ? "video" : "other";
}

/** By the first brand, and by those that it is compatible with; what is known of none of them is a video. */
function brandKind(head) {
  const size = (head[0] << 24) | (head[1] << 16) | (head[2] << 8) | head[3];
  const brands = [ascii(head, 8, 12)];
  for (let at = 16; at + 4 <= Math.min(size, head.length); at += 4) brands.push(ascii(head, at, at + 4));
  if (SOUND_BRANDS.test(brands[0])) return "other";
  return brands.some((brand) => PHOTO_BRANDS.test(brand)) ? "photo" : "video";
}

/** MPEG's transport stream: a mark at the start of each packet, after four bytes of time in a camera's files. */
const isTransportStream = (head) =>
  [0, 4].some((before) => [0, 1, 2].every((packet) => head[before + packet * (TS_PACKET + before)] === 0x47));

/** "BM" alone begins many texts; a bitmap's header has a size that is one of few. */
function isBmp(head) {
  if (head.length < 18 || ascii(head, 0, 2) !== "BM") return false;
  return [12, 40, 52, 56, 64, 108, 124].includes(head[14] | (head[15] << 8)) && head[16] === 0 && head[17] === 0;
}
