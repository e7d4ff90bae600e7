// Whether a photo that the page made itself (in a worker, with an encoder of its own) is a re-encoding of one that it was
// given protected. Protecting it again would leave a receipt that leads to the protected photo, not to the original.
// The added pattern tells: what was made from the protected photo has it, what was made from the original has not.

import { protectedPhotos } from "./approval.js";

const PIXELS = 224; // the protected pattern is coarse: it survives at the networks' size
const NEARNESS = [0.5, 1.5]; // 0 is the original, 1 the protected photo

/** Whether the blob is a re-encoding of a protected photo of this page. */
export async function isReworked(blob) {
  const known = protectedPhotos();
  if (known.length === 0) return false;
  const pixels = await pixelsOf(blob);
  if (!pixels) return false;
  for (const pair of known.slice(-8)) {
    const [original, photo] = await Promise.all([pixelsOf(pair.original), pixelsOf(pair.photo)]);
    if (original && photo && isNear(share(pixels, original, photo))) return true;
  }
  return false;
}

const isNear = (value) => value > NEARNESS[0] && value < NEARNESS[1];

/** How much of the pattern (photo - original) is in (pixels - original): 1 for all of it; NaN for another picture. */
export function share(pixels, original, photo) {
  let along = 0;
  let pattern = 0;
  let distance = 0;
  for (let index = 0; index < pixels.length; index += 1) {
    if (index % 4 === 3) continue;
    const added = photo[index] - original[index];
    const off = pixels[index] - original[index];
    along += added * off;
    pattern += added * added;
    distance += off * off;
  }
  // Another picture is far from the original: its distance is no longer that of the pattern and an encoder's losses.
  return distance > 16 * pattern ? NaN : along / pattern;
}

async function pixelsOf(blob) {
  try {
    const picture = await createImageBitmap(blob, { resizeWidth: PIXELS, resizeHeight: PIXELS, resizeQuality: "medium" });
    const context = new OffscreenCanvas(PIXELS, PIXELS).getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, PIXELS, PIXELS).data;
  } catch {
    return null;
  }
}
