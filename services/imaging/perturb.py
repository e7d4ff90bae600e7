"""Adding a code to a photo and subtracting it again, without clipping, so that one undoes the other bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging.resample import GRID_SIZE, Wave, axis_footprints
from services.imaging.strips import in_strips

Extreme = Callable[..., NDArray[Any]]

#: Rows worked on at a time: what they take stays in a processor's cache.
_STRIP = 16
#: Codes travel as int8.
_LIMIT = 127


def headroom(pixels: NDArray[np.uint8], cells: int = GRID_SIZE) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """How far each cell may move before a pixel of its footprint would leave 0..255.

    Args:
        pixels: shape (H, W, 3).

    Returns:
        Lower and upper bounds, each of shape (3, cells, cells), -127..0 and 0..127.
    """
    darkest, brightest = _over_footprints(pixels, cells, np.min), _over_footprints(pixels, cells, np.max)
    lower = -np.minimum(darkest, _LIMIT).astype(np.int8)
    upper = np.minimum(255 - brightest, _LIMIT).astype(np.int8)
    return lower.transpose(2, 0, 1), upper.transpose(2, 0, 1)


def add(pixels: NDArray[np.uint8], code: NDArray[np.int8]) -> NDArray[np.uint8]:
    """The protected pixels. The code must lie within the photo's headroom.

    Args:
        pixels: shape (H, W, 3).
        code: shape (3, rows, columns), levels.

    Raises:
        ValueError: a pixel would leave 0..255.
    """
    return _move(pixels, code, np.empty_like(pixels), sign=1, clip=False)


def subtract(pixels: NDArray[np.uint8], code: NDArray[np.int8], in_place: bool = False) -> NDArray[np.uint8]:
    """The restored pixels. On a platform's copy, values that would leave 0..255 stop there.

    Args:
        pixels: shape (H, W, 3).
        code: shape (3, rows, columns), levels.
        in_place: whether the restored pixels take the place of ``pixels``, which are needed no more.
    """
    return _move(pixels, code, pixels if in_place else np.empty_like(pixels), sign=-1, clip=True)


def _move(
    pixels: NDArray[np.uint8], code: NDArray[np.int8], moved: NDArray[np.uint8], sign: int, clip: bool
) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    wave = Wave(code, height, width)

    def strip(start: int, stop: int) -> None:
        levels = wave.rows(start, stop)
        if sign < 0:
            np.negative(levels, out=levels)
        levels += pixels[start:stop]
        if clip:
            np.clip(levels, 0, 255, out=levels)
        else:
            least, most, _, _ = cv2.minMaxLoc(levels.reshape(stop - start, -1))
            if least < 0 or most > 255:
                raise ValueError("the code leaves the photo's headroom")
        moved[start:stop] = levels

    in_strips(strip, height, width, _STRIP)
    return moved


def _over_footprints(pixels: NDArray[np.uint8], cells: int, extreme: Extreme) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    rows = np.stack([extreme(pixels[a:b], axis=0) for a, b in axis_footprints(height, cells)])
    return np.stack([extreme(rows[:, a:b], axis=1) for a, b in axis_footprints(width, cells)], axis=1)
