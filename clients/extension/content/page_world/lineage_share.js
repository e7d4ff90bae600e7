/** How much of the pattern (photo - original) is in (pixels - original): 1 for all of it; NaN for another picture. */
export function share(pixels, original, photo) {
  let along = 0;
  let pattern = 0;
  let distance = 0;
  for (let index = 0; index < pixels.length; index += 1) {
    if (index % 4 === 3) continue; // opacity
    const added = photo[index] - original[index];
    const off = pixels[index] - original[index];
    along += added * off;
    pattern += added * added;
    distance += off * off;
  }
  // Another picture is far from the original: its distance is no longer that of the pattern and an encoder's losses.
  return distance > 16 * pattern ? NaN : along / pattern;
}
