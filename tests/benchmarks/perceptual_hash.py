"""How far the perceptual hashes of a photo's copies are from its own, and how near those of other photos come.

    python tests/benchmarks/perceptual_hash.py [FOLDER]

Without a folder, the photos are scikit-image's. Copies: JPEG at 70, 80 and 90 and WebP at 75, at 1, 0.7, 0.5 and 0.3 of
the size, made smaller by Lanczos and by bilinear filtering. Prints one JSON object.
"""

import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from srae_client import fingerprint

SAMPLES = ("astronaut", "camera", "chelsea", "coffee", "coins", "moon", "page", "rocket", "text")
ENCODERS = (("JPEG", 90), ("JPEG", 80), ("JPEG", 70), ("WEBP", 75))
FILTERS = (Image.Resampling.LANCZOS, Image.Resampling.BILINEAR)


def photos(arguments: list[str]) -> list[Image.Image]:
    """The photos to measure."""
    if not arguments:
        return [Image.fromarray(np.asarray(getattr(data, name)())).convert("RGB") for name in SAMPLES]
    files = sorted(file for file in Path(arguments[0]).rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return [Image.open(file).convert("RGB") for file in files]


def encoded(photo: Image.Image, kind: str, quality: int = 95) -> int:
    """The hash of a photo's file."""
    buffer = io.BytesIO()
    photo.save(buffer, kind, quality=quality)
    found = fingerprint.of_file(buffer.getvalue())
    assert found is not None
    return found


def copies(photo: Image.Image) -> Iterator[int]:
    """The hashes of what platforms could make of a photo."""
    for scale in (1.0, 0.7, 0.5, 0.3):
        for filter_ in FILTERS if scale < 1 else FILTERS[:1]:
            size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
            resized = photo.resize(size, filter_)
            yield from (encoded(resized, kind, quality) for kind, quality in ENCODERS)


def main() -> None:
    given = photos(sys.argv[1:])
    own = [encoded(photo, "PNG") for photo in given]
    same: Counter[int] = Counter()
    for photo, hash_ in zip(given, own, strict=True):
        same.update(fingerprint.distance(hash_, copy) for copy in copies(photo))
    others = Counter(fingerprint.distance(one, other) for one, other in combinations(own, 2))
    bits = fingerprint.SAME_PHOTO_BITS
    told = {
        "photos": len(given),
        "copies": same.total(),
        "copies_at_distance": dict(sorted(same.items())),
        "copies_beyond_the_threshold": sum(count for distance, count in same.items() if distance > bits),
        "pairs_of_different_photos": others.total(),
        "nearest_pairs": dict(sorted(others.items())[:6]),
        "pairs_within_the_threshold": sum(count for distance, count in others.items() if distance <= bits),
        "threshold_bits": bits,
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
