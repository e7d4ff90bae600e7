"""Whether a code is in a photo: tells the owner of a wrong receipt so, before a photo is damaged with it.

A code is small beside the photo's own detail, but it has thousands of cells, and detail of another photo does not
correlate with it. So: compare what each cell does beyond its neighbours, in the photo and in the code, and ask how many
standard deviations the correlation is from chance. It works on the working image, so it also answers for a platform's
smaller, re-encoded copy.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging.resample import GRID_SIZE, WORKING_SIZE, down, up_rows

#: Standard deviations from chance above which the code is there. Chance alone passes once in 700 photos; to refuse an
#: owner would be worse.
THRESHOLD = 3.0

_CELL = WORKING_SIZE // GRID_SIZE
#: Detail stronger than this is an edge of the photo's, and counts as no more than this; in levels.
_EDGE = 6.0


def score(pixels: NDArray[np.uint8], code: NDArray[np.int8]) -> float:
    """Standard deviations by which the photo's detail follows the code; about 0 +- 1 for another photo's code.

    Args:
        pixels: shape (H, W, 3), the protected photo or a copy of it.
        code: shape (3, rows, columns), levels.
    """
    moved = up_rows(code, WORKING_SIZE, WORKING_SIZE, 0, WORKING_SIZE)
    found, sought = _detail(_cells(down(pixels))), _detail(_cells(moved))
    # A matched filter in uneven noise: the photo's own detail counts by how quiet its surroundings are.
    noise = np.stack([cv2.blur(channel, (5, 5), borderType=cv2.BORDER_REFLECT) for channel in found**2])
    match = np.clip(found, -_EDGE, _EDGE) * sought / (noise + 1.0)
    spread = math.sqrt(float(np.sum(match**2)))
    return float(np.sum(match)) / spread if spread > 0 else 0.0


def is_present(pixels: NDArray[np.uint8], code: NDArray[np.int8]) -> bool:
    """Whether the code is in the photo. An empty code is in every photo.

    Args:
        pixels: shape (H, W, 3).
        code: shape (3, rows, columns), levels.
    """
    return not code.any() or score(pixels, code) > THRESHOLD


def _cells(image: NDArray[Any]) -> NDArray[np.float64]:
    """Means over cells; shape (3, S, S) -> (3, GRID_SIZE, GRID_SIZE)."""
    means: NDArray[np.float64] = image.reshape(3, GRID_SIZE, _CELL, GRID_SIZE, _CELL).mean(axis=(2, 4))
    return means


def _detail(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a cell has beyond the mean of its four neighbours; shape (3, n, n) -> (3, n - 2, n - 2)."""
    around = cells[:, :-2, 1:-1] + cells[:, 2:, 1:-1] + cells[:, 1:-1, :-2] + cells[:, 1:-1, 2:]
    return cells[:, 1:-1, 1:-1] - around / 4.0
