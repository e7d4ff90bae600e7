"""The photo as the pipeline sees it: pixels, and what encoding needs to know to give the same kind of file back."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

#: Sides and area that the services accept.
MIN_SIDE, MAX_SIDE = 32, 65_535
MAX_PIXELS = 50_000_000
#: The largest step of a JPEG whose coefficients are taken: larger ones are of the oddest.
MAX_STEP = 255
#: Of larger copies the coefficients are not held in memory beside the pixels. No platform that is known keeps so many.
MAX_COPY_PIXELS = 20_000_000

#: Whole numbers for each frequency of each component of a JPEG: 64 a table, row by row.
Tables = tuple[tuple[int, ...], ...]

#: By how much each kind of a JPEG's subsampling (Pillow's number) divides the colours' height and width.
HALVED = {0: (1, 1), 1: (1, 2), 2: (2, 2)}


@dataclass(frozen=True)
class JpegTables:
    """How a JPEG was quantised, so that it can be written again at the same quality.

    Attributes:
        quantisation: one table of 64 steps, row by row, for each component; the last is not repeated.
        subsampling: of the colours: 0 none (4:4:4), 1 in width (4:2:2), 2 in both (4:2:0), -1 otherwise, and in grey.
        known: how many of the three components lie as ``quantisation`` and ``subsampling`` say, in blocks from the
            upper left corner of the upright photo on: all, the brightness alone (1), or none.
    """

    quantisation: Tables
    subsampling: int
    known: int = 3


@dataclass(frozen=True)
class JpegLayout:
    """How a JPEG holds its picture, before it is turned upright.

    Attributes:
        orientation: EXIF's, 1 to 8.
        height, width: in pixels.
        tables: the quantiser's steps of brightness and, unless it is grey, the two colours, 64 each, row by row.
        halved: by how much the colours' height and width are divided, 1 or 2 each; 1 where it is grey.
        divided: of a file to whose coefficients a code was added, by how much the original's steps were divided for it;
            empty where they were not.
    """

    orientation: int
    height: int
    width: int
    tables: Tables
    halved: tuple[int, int]
    divided: Tables = ()

    def divided_by(self, divisors: Tables) -> JpegLayout:
        """The same with finer steps; as it is where there are no divisors."""
        return replace(self, tables=_with_each(operator.floordiv, self.tables, divisors), divided=divisors)

    def undivided(self) -> JpegLayout:
        """The original's."""
        return replace(self, tables=_with_each(operator.mul, self.tables, self.divided), divided=())

    def shrunk(self, component: int) -> tuple[int, int]:
        """By how much a component's height and width are divided: the brightness's, the first, by nothing."""
        return self.halved if component else (1, 1)

    def blocks(self) -> list[tuple[int, int]]:
        """How many blocks of 8 x 8 each component has, down and across."""
        shrunk = map(self.shrunk, range(len(self.tables)))
        return [(-(-self.height // (8 * tall)), -(-self.width // (8 * wide))) for tall, wide in shrunk]


def _with_each(operation: Callable[[int, int], int], tables: Tables, divisors: Tables) -> Tables:
    """Tables and divisors, number by number; the tables where there are no divisors."""
    if not divisors:
        return tables
    return tuple(tuple(map(operation, *pair)) for pair in zip(tables, divisors, strict=True))


@dataclass(frozen=True)
class JpegFile:
    """A JPEG as it was sent, whose coefficients a code can be added to.

    Attributes:
        table_numbers: under which number the file has each component's table.
        carried: what a segment of our own holds; see ``imaging.carried``.
        has_one_scan: of several, some may be missing, which decoders make up for, or have tables of their own.
    """

    data: bytes
    layout: JpegLayout
    table_numbers: tuple[int, ...]
    is_progressive: bool
    carried: bytes
    has_one_scan: bool


@dataclass(frozen=True)
class Layout:
    """How an original's pixels lay.

    Attributes:
        height, width: in pixels.
        jpeg_steps: where it was a JPEG, its coefficients are whole numbers of these, block for block: one table of 64,
            row by row, for each component whose pixels still are on them; the last is not repeated. Only the
            brightness's where the colours were subsampled. Else empty.
        moved_in: how the protected file holds it, where the code was added to the coefficients of the original's JPEG
            and not to its pixels.
    """

    height: int
    width: int
    jpeg_steps: Tables = ()
    moved_in: JpegLayout | None = None


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
        file: the JPEG that the pixels came from, where its coefficients can be moved. Other pixels have none.
    """

    pixels: NDArray[np.uint8]
    traits: FileTraits
    alpha: NDArray[np.uint8] | None = field(default=None)
    file: JpegFile | None = field(default=None)

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    def with_pixels(self, pixels: NDArray[np.uint8]) -> Photo:
        return replace(self, pixels=pixels, file=None)

    def sha256(self) -> bytes:
        """SHA-256 of the size and the pixels, alpha left out: 32 bytes."""
        digest = hashlib.sha256(f"{self.width}x{self.height}".encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.digest()
