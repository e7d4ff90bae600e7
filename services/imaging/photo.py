"""The photo as the pipeline sees it: pixels, and what encoding needs to know to give the same kind of file back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

#: Sides and area that the services accept.
MIN_SIDE = 32
MAX_PIXELS = 50_000_000


@dataclass(frozen=True)
class JpegTables:
    """How a JPEG was quantised, so that it can be written again at the same quality."""

    quantisation: tuple[tuple[int, ...], ...]
    subsampling: int


@dataclass(frozen=True)
class FileTraits:
    """What a file was, apart from its pixels and its metadata.

    Attributes:
        bits: of a sample in the file, 8 where fewer. Pixels keep the upper 8, so of more the file alone has the rest.
    """

    mime_type: str
    size_bytes: int
    lossless: bool
    grey: bool = False
    icc_profile: bytes | None = None
    jpeg: JpegTables | None = None
    bits: int = 8


@dataclass(frozen=True)
class Photo:
    """A decoded photo, upright.

    Attributes:
        pixels: shape (H, W, 3), uint8, RGB; the three are equal where ``traits.grey``.
        alpha: shape (H, W), uint8, where the file has transparency.
    """

    pixels: NDArray[np.uint8]
    traits: FileTraits
    alpha: NDArray[np.uint8] | None = field(default=None)

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    def with_pixels(self, pixels: NDArray[np.uint8]) -> Photo:
        return replace(self, pixels=pixels)

    def sha256(self) -> bytes:
        """SHA-256 of the size and the pixels, alpha left out: 32 bytes."""
        digest = hashlib.sha256(f"{self.width}x{self.height}".encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.digest()
