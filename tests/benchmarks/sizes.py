"""The photos that are measured on: one picture that comes with scikit-image, at five sizes and in two formats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from services.imaging import codec
from services.imaging.photo import FileTraits, Photo

#: Width and height by name, in pixels.
SIZES = {"224": (224, 224), "1mp": (1200, 832), "4mp": (2400, 1664), "12mp": (4000, 3000), "50mp": (8000, 6250)}
FORMATS = {"jpeg": "image/jpeg", "png": "image/png"}


@dataclass(frozen=True)
class Sample:
    """A photo as a file, and as the services decode it."""

    size: str
    format: str
    file: bytes
    photo: Photo


def megapixels(size: str) -> float:
    width, height = SIZES[size]
    return width * height / 1e6


@lru_cache(maxsize=2)
def sample(size: str, file_format: str) -> Sample:
    """The coffee cup, enlarged (cubic), with a camera's noise, which no enlargement has and every encoder feels."""
    width, height = SIZES[size]
    cup = cv2.resize(data.coffee(), (width, height), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0.0, 2.0, cup.shape).astype(np.float32)
    pixels: NDArray[np.uint8] = np.clip(np.rint(cup + noise), 0, 255).astype(np.uint8)
    traits = FileTraits(FORMATS[file_format], pixels.size, lossless=file_format == "png")
    file = codec.encode(Photo(pixels, traits)).data
    return Sample(size, file_format, file, codec.decode(file))
