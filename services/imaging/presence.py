"""Whether a code is in a photo: tells the owner of a wrong receipt so, before a photo is damaged with it.

A code is small beside the photo's own detail, but it has thousands of cells, and each has three colours, in which a
photo's detail goes together far more than a code's. So: take what each cell does beyond its neighbours, count it by how
unlike the detail around it is, and ask how well it follows the code. What chance alone would do, the same photo and the
same code tell: with the code shifted over the grid, by every shift, it is in no photo. It works on the working image,
so it also answers for a platform's smaller, re-encoded copy.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging.jpeg_code import working_move
from services.imaging.photo import JpegLayout
from services.imaging.resample import GRID_SIZE, WORKING_SIZE, down, up_rows

#: Standard deviations from chance above which the code is there. Chosen on development photos of even index, where none
#: of 9,600 codes of other photos passes. Measured on those of odd index, at about 320 pixels
#: (training/wrong_receipts.py): one of 9,600 passes, and 2 of 2,640 copies with their code do not, JPEGs at 46 dB.
#: Of 240 JPEGs of the original, which was never protected, 4 pass with the code made for it.
THRESHOLD = 5.0

#: Sides of the cells that are looked at, in pixels of the working image: the code's own; half of that, in which a photo
#: has the least of its own detail; and twice that, which a copy at half the size still shows.
_CELLS = (WORKING_SIZE // GRID_SIZE // 2, WORKING_SIZE // GRID_SIZE, 2 * WORKING_SIZE // GRID_SIZE)
#: Detail as weak as this is rounding's and compression's; levels squared.
_NOISE = 4.0
#: Side of the surroundings that a cell's detail is compared with, in cells.
_SURROUNDINGS = (3, 3)


def score(pixels: NDArray[np.uint8], code: NDArray[np.int8], moved_in: JpegLayout | None = None) -> float:
    """Standard deviations by which the photo's detail follows the code.

    Another photo's code scores 0 +- 1.4. The original's own, which is made for its detail, 0 +- 3. An empty code is in
    every photo: infinity.

    Args:
        pixels: shape (H, W, 3), the protected photo or a copy of it.
        code: shape (3, rows, columns), levels.
        moved_in: the layout of the JPEG to whose coefficients it was added, which kept of it what whole steps can say,
            if not those of the original.
    """
    if not code.any():
        return math.inf
    photo = down(pixels)
    if moved_in is None:
        return _follows(photo, up_rows(code, WORKING_SIZE, WORKING_SIZE, 0, WORKING_SIZE))
    # Saved again with the steps that the original had, a copy keeps what these can say.
    layouts = dict.fromkeys((moved_in, moved_in.undivided()))
    return max(_follows(photo, working_move(layout, code)) for layout in layouts)


def _follows(photo: NDArray[np.uint8], wave: NDArray[Any]) -> float:
    """By how many standard deviations a working image follows what was added to it."""
    match = variance = 0.0
    for side in _CELLS:
        matches = _over_shifts(_whitened(_detail(photo, side)), _detail(wave, side)).ravel()
        match += matches[0]
        variance += matches[1:].var()
    return match / math.sqrt(variance) if variance > 0 else 0.0


def _detail(image: NDArray[Any], side: int) -> NDArray[np.float64]:
    """What a cell's mean has beyond those of its four neighbours; shape (3, S, S) -> (n, n, 3)."""
    cells = image.reshape(3, WORKING_SIZE // side, side, WORKING_SIZE // side, side).mean(axis=(2, 4))
    around = cells[:, :-2, 1:-1] + cells[:, 2:, 1:-1] + cells[:, 1:-1, :-2] + cells[:, 1:-1, 2:]
    detail: NDArray[np.float64] = cells[:, 1:-1, 1:-1] - around / 4.0
    return detail.transpose(1, 2, 0)


def _whitened(detail: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each cell's detail over the covariance of the colours around it: a matched filter in uneven, coloured noise.

    An edge, and what all colours share, count for little; a colour of its own in a quiet place counts for much.
    """
    products = (detail[..., :, None] * detail[..., None, :]).reshape(*detail.shape[:2], 9)
    covariance = cv2.blur(products, _SURROUNDINGS, borderType=cv2.BORDER_REFLECT).reshape(*detail.shape, 3)
    return np.linalg.solve(covariance + _NOISE * np.eye(3), detail[..., None])[..., 0].astype(np.float64, copy=False)


def _over_shifts(found: NDArray[np.float64], sought: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of products with the sought shifted round the grid by every shift; the first is that without a shift."""
    spectrum = np.fft.rfft2(found, axes=(0, 1)) * np.conj(np.fft.rfft2(sought, axes=(0, 1)))
    return np.fft.irfft2(spectrum.sum(axis=2), s=found.shape[:2])
