// Whether a photo that the page made itself (in a worker, with an encoder of its own) is a re-encoding of one that it was
// given protected. Protecting it again would leave a receipt that leads to the protected photo, not to the original.
// The added pattern tells: what was made from the protected photo has it, what was made from the original has not.

import { protectedPhotos } from "./approval.js";
import { share } from "./lineage_share.js";

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
