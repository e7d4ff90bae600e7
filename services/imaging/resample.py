"""The one definition of *down* and *up*, used by training, the services and the tests.

*down* brings a photo of any size to the working image that the networks see; *up* brings a perturbation code from its
coarse grid to the photo's size. *up* is integer arithmetic, so that a code subtracted years later, on another machine,
gives the same pixels: its weights are 8-bit integers, and every product and sum fits the 24 bits that float32 holds
exactly. A float32 matrix product therefore gives the same integers in any library, in any order of summation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

#: Side of the working image, in pixels.
WORKING_SIZE = 224
#: Side of the code's grid, in cells: k = 4 working pixels a cell.
GRID_SIZE = 56
#: The weights of one pixel along one axis sum to this.
WEIGHT_UNIT = 256
#: Weights of one axis that are kept, and pixels whose weights are made at a time.
_KEPT, _AT_ONCE = 1_000_000, 4096

R = TypeVar("R")


def kept_if_small(make: Callable[..., R]) -> Callable[..., R]:
    """Keeps what was made of the last axes, by their numbers, for photos of the same size: but not of those whose
    tables would fill the memory, which no photo's do.
    """
    kept = lru_cache(maxsize=16)(make)

    def made(pixels: int, cells: int = GRID_SIZE, *more: int) -> R:
        return (kept if pixels * cells <= _KEPT else make)(pixels, cells, *more)

    return made


@kept_if_small
def axis_weights(pixels: int, cells: int = GRID_SIZE) -> NDArray[np.float32]:
    """Weights of each cell in each pixel along one axis: bilinear, half-pixel centres, antialiased when shrinking.

    Args:
        pixels: length of the axis in pixels, at least 1.
        cells: length of the axis in cells, at least 1.

    Returns:
        Shape (pixels, cells), integers in 0..WEIGHT_UNIT held as float32; each row sums to WEIGHT_UNIT.
    """
    parts = [_weights(pixels, cells, first) for first in range(0, pixels, _AT_ONCE)]
    weights = np.concatenate(parts)
    weights.flags.writeable = False
    return weights


def _weights(pixels: int, cells: int, first: int) -> NDArray[np.float32]:
    """Those of a few pixels, from this one on: on the way there they take ten times the memory."""
    at = np.arange(first, min(first + _AT_ONCE, pixels), dtype=np.int64)
    centre = (2 * at + 1) * cells - pixels  # in units of 1 / (2 * pixels) cells
    distance = np.abs(2 * pixels * np.arange(cells, dtype=np.int64)[None, :] - centre[:, None])
    triangle = np.maximum(2 * max(pixels, cells) - distance, 0)
    # Rounding the running sum, not each weight, keeps every row's sum at exactly WEIGHT_UNIT.
    total = triangle.sum(axis=1, keepdims=True)
    running = (2 * WEIGHT_UNIT * np.cumsum(triangle, axis=1) + total) // (2 * total)
    found: NDArray[np.float32] = np.diff(running, axis=1, prepend=0).astype(np.float32)
    return found


@kept_if_small
def axis_footprints(pixels: int, cells: int = GRID_SIZE) -> tuple[tuple[int, int], ...]:
    """For each cell, the half-open range of pixels along one axis that the cell can change (never empty ranges)."""
    touched = axis_weights(pixels, cells) > 0
    first = touched.argmax(axis=0)
    last = pixels - touched[::-1].argmax(axis=0)
    # A cell that no pixel touches (a photo smaller than the grid) may take any value: give it the nearest pixel.
    nearest = np.minimum(np.arange(cells) * pixels // cells, pixels - 1)
    alone = ~touched.any(axis=0)
    first, last = np.where(alone, nearest, first), np.where(alone, nearest + 1, last)
    return tuple((int(a), int(b)) for a, b in zip(first, last, strict=True))


@kept_if_small
def axis_taps(pixels: int, cells: int = GRID_SIZE) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The few cells that each pixel has a weight of, which lie side by side: two, or more where the axis shrinks.

    Returns:
        The first of each pixel's, shape (pixels,); and the weights from there on as shares, shape (taps, pixels).
    """
    weights = axis_weights(pixels, cells)
    touched = weights > 0
    taps = int(touched.sum(axis=1).max())
    first = np.minimum(touched.argmax(axis=1), cells - taps)
    touching = [weights[np.arange(pixels), first + tap] for tap in range(taps)]
    shares: NDArray[np.float32] = np.divide(touching, WEIGHT_UNIT, dtype=np.float32)
    first.flags.writeable = shares.flags.writeable = False
    return first, shares


_NOTHING = np.empty((0, 0), np.float32)
#: Rows that OpenCV multiplies itself. From 100 on it calls BLAS, as NumPy always does, whose threads then wait a tenth
#: of a second for more work by spinning, each on a core that others want (docs/adr/0015).
_ROWS_OF_A_PRODUCT = 64


class Wave:
    """A code brought up to a photo's size, a few rows at a time: what is added to the photo.

    Weights are multiples of 2**-8 and levels stay below 2**7, so every product and sum fits float32's 24 bits.

    Args:
        code: shape (3, rows, columns), levels in -127..127.
        height, width: of the photo.
    """

    def __init__(self, code: NDArray[np.int8], height: int, width: int) -> None:
        self._width = width
        self._weights = axis_weights(height, code.shape[1]) / WEIGHT_UNIT
        first, shares = axis_taps(width, code.shape[2])
        cells = code.astype(np.float32)
        wide = np.sum([np.take(cells, first + tap, axis=2) * share for tap, share in enumerate(shares)], axis=0)
        self._wide = np.ascontiguousarray(wide.transpose(1, 2, 0)).reshape(code.shape[1], -1)

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows ``start:stop``, shape (stop - start, width, 3), whole levels, never further from zero than the cells."""
        levels = self.smooth_rows(start, stop)
        levels += 0.5
        return np.floor(levels, out=levels)

    def smooth_rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """The same before it is rounded: what is left in a copy of another size, whose resampling averages rounding."""
        blocks = [(first, min(first + _ROWS_OF_A_PRODUCT, stop)) for first in range(start, stop, _ROWS_OF_A_PRODUCT)]
        products = [self._product(*block) for block in blocks]
        levels = products[0] if len(products) == 1 else np.concatenate(products)
        return levels.reshape(stop - start, self._width, 3)

    def _product(self, start: int, stop: int) -> NDArray[np.float32]:
        weights = self._weights[start:stop]
        used = np.flatnonzero(weights.any(axis=0))
        cells = slice(used[0], used[-1] + 1)
        return cv2.gemm(np.ascontiguousarray(weights[:, cells]), self._wide[cells], 1.0, _NOTHING, 0.0).astype(
            np.float32, copy=False
        )


def up_rows(code: NDArray[np.int8], height: int, width: int, start: int, stop: int) -> NDArray[np.int16]:
    """Rows ``start:stop`` of the code brought up to a photo of ``height`` x ``width``.

    Args:
        code: shape (3, rows, columns), levels in -127..127.

    Returns:
        Shape (3, stop - start, width), levels; never further from zero than the cells around the pixel.
    """
    return Wave(code, height, width).rows(start, stop).transpose(2, 0, 1).astype(np.int16)


def down(pixels: NDArray[np.uint8], side: int = WORKING_SIZE) -> NDArray[np.uint8]:
    """The working image of a photo: squashed to a square, so that every photo has one shape and batches with any other.

    Args:
        pixels: shape (H, W, 3), uint8.
        side: of the square; another than the working image's for classifiers that look at another size.

    Returns:
        Shape (3, side, side), uint8.
    """
    return np.ascontiguousarray(squashed(pixels, side).astype(np.uint8, copy=False).transpose(2, 0, 1))


def squashed(image: NDArray[Any], side: int) -> NDArray[Any]:
    """An image of shape (H, W) or (H, W, C) as a square of this side, of the same type."""
    height, width = image.shape[:2]
    # Area averaging shrinks without aliasing; an axis that has to grow grows linearly, after the other has shrunk.
    shrunk = (min(width, side), min(height, side))
    if shrunk != (width, height):
        image = cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA)
    if shrunk != (side, side):
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    return image
