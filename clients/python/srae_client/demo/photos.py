"""The demo's photos, and the pictures made of them. Arrays are (H, W, 3), uint8, in OpenCV's channel order (BGR)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

Pixels = NDArray[np.uint8]

#: How much the difference is amplified for the eye.
AMPLIFICATION = 16
_PREVIEW_SIDE = 900
_SMALL_SIDE = 256
_JPEG_QUALITY = 92


@dataclass(frozen=True)
class Sample:
    """A photo to show. ``enlarged_side``: the longer side that it is brought to, 0 to leave it."""

    name: str
    title: str
    read: Callable[[], Any]
    extension: str
    mime_type: str
    enlarged_side: int = 0


#: A PNG restores bit for bit; JPEGs, which stay JPEGs, nearly. The last has a phone's 12 megapixels.
SAMPLES = (
    Sample("astronaut", "An astronaut", data.astronaut, ".png", "image/png"),
    Sample("cat", "A cat", data.chelsea, ".jpg", "image/jpeg"),
    Sample("coffee", "A cup of coffee", data.coffee, ".jpg", "image/jpeg", enlarged_side=4242),
)


def make(sample: Sample, small: bool) -> bytes:
    """The sample's file. ``small``: at a size that is quick to work on."""
    rgb = np.asarray(sample.read(), np.uint8)
    pixels: Pixels = np.ascontiguousarray(rgb[..., ::-1])
    side = _SMALL_SIDE if small else sample.enlarged_side
    if side:
        pixels = _scaled(pixels, side)
    return encode(pixels, sample.extension)


def encode(pixels: Pixels, extension: str) -> bytes:
    """A picture as a file."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if extension == ".jpg" else []
    done, file = cv2.imencode(extension, pixels, options)
    if not done:
        raise ValueError(f"cannot encode {extension}")
    return file.tobytes()


def decode(file: bytes) -> Pixels:
    """A file's picture."""
    pixels = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError("not a picture")
    return np.asarray(pixels, np.uint8)


def difference(original: Pixels, other: Pixels) -> Pixels:
    """What was added, amplified around middle grey."""
    amplified = 128 + AMPLIFICATION * (other.astype(np.int32) - original)
    return np.asarray(np.clip(amplified, 0, 255), np.uint8)


def preview(pixels: Pixels) -> bytes:
    """A picture at the page's size, as a JPEG."""
    side = min(_PREVIEW_SIDE, max(pixels.shape[:2]))
    return encode(_scaled(pixels, side), ".jpg")


def _scaled(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = round(width * scale), round(height * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
