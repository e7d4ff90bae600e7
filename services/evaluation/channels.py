"""What named platforms do to an upload: they shrink it and write it again as a JPEG.

The settings are what was publicly reported in 2025 and 2026; platforms change them without notice. Sizes and qualities
come from open source for Bluesky and Mastodon, from a post of the staff for X, and from tests by others for the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging import codec
from services.imaging.photo import Photo

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Channel:
    """A platform's transform.

    Attributes:
        quality: of the JPEG, 1..100; colour is subsampled 4:2:0.
        longest_side, width: pixels at most, where the platform limits them.
        area: pixels at most.
        size_bytes: of the file at most; the quality falls until it fits.
    """

    name: str
    quality: int
    longest_side: int | None = None
    width: int | None = None
    area: int | None = None
    size_bytes: int | None = None

    def shrink(self, pixels: Pixels) -> Pixels:
        """The photo at the size that the platform keeps; shape (H, W, 3), never larger than it came."""
        height, width = pixels.shape[:2]
        scale = min(
            1.0,
            self.longest_side / max(height, width) if self.longest_side else 1.0,
            self.width / width if self.width else 1.0,
            math.sqrt(self.area / (height * width)) if self.area else 1.0,
        )
        if scale == 1.0:
            return pixels
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    def __call__(self, pixels: Pixels) -> Photo:
        """The platform's copy, decoded."""
        small = self.shrink(pixels)
        low, high = 1, self.quality
        data = _jpeg(small, high)
        if self.size_bytes is not None and len(data) > self.size_bytes:
            while low < high:  # the highest quality that fits
                middle = (low + high + 1) // 2
                low, high = (middle, high) if len(_jpeg(small, middle)) <= self.size_bytes else (low, middle - 1)
            data = _jpeg(small, low)
        return codec.decode(data)


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    settings = [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]  # fmt: skip
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), settings)
    if not done:
        raise RuntimeError(f"OpenCV could not encode an image of shape {pixels.shape} as JPEG")
    return data.tobytes()


CHANNELS = (
    Channel("X", quality=85, longest_side=4096),
    Channel("Instagram", quality=80, width=1080),
    Channel("Facebook", quality=80, longest_side=2048),
    Channel("Bluesky", quality=100, longest_side=4000, size_bytes=2_000_000),
    Channel("Mastodon", quality=90, area=3840 * 2160),
)
