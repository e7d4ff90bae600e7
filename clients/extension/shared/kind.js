// What a file is, by its first bytes: names and declared types say nothing.

/** How many bytes kindOf needs. */
export const HEAD_BYTES = 32;

const ascii = (head, start, end) => String.fromCharCode(...head.subarray(start, end));
const PHOTO_BRANDS = /^(heic|heix|heim|heis|hevc|hevx|mif1|msf1|avif|avis|miaf|crx )$/;
/** Raw files that are no TIFF: Fujifilm, Olympus, Panasonic, Canon's first, Sigma, Minolta; and JPEG XR. */
const RAW = /^(FUJIFILMCC|IIR[OS]|MMOR|IIU\0|II\x1a\0\0\0HEAP|FOVb|\0MRM|II\xbc)/;
const VIDEO_BRANDS = /^(isom|iso[2-9]|mp4[12]|avc1|M4V|M4VP|M4VH|qt  |3g[p2]|dash|mmp4|MSNV|f4v)/;

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
  if (start === "\x1aE\xdf\xa3") return "video"; // Matroska, WebM
  if (ascii(head, 4, 8) === "ftyp") return brandKind(ascii(head, 8, 12));
  if (isBmp(head)) return "photo";
  return "other";
}

function riffKind(form) {
  if (form === "WEBP") return "photo";
  return form === "AVI " ? "video" : "other";
}

function brandKind(brand) {
  if (PHOTO_BRANDS.test(brand)) return "photo";
  return VIDEO_BRANDS.test(brand) ? "video" : "other";
}

/** "BM" alone begins many texts; a bitmap's header has a size that is one of few. */
function isBmp(head) {
  if (head.length < 18 || ascii(head, 0, 2) !== "BM") return false;
  return [12, 40, 52, 56, 64, 108, 124].includes(head[14] | (head[15] << 8)) && head[16] === 0 && head[17] === 0;
}
