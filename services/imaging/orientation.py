"""EXIF's orientation: how a picture that lies in a file is turned upright, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[Any]

_ON_ITS_SIDE = range(5, 9)
_FROM_BELOW, _FROM_THE_RIGHT = (3, 4, 6, 7), (2, 3, 7, 8)


def is_on_its_side(orientation: int) -> bool:
    """Whether height and width change places."""
    return orientation in _ON_ITS_SIDE


def flips(orientation: int) -> tuple[bool, bool]:
    """Whether what the file holds is flipped beside that: its rows, and its columns."""
    return orientation in _FROM_BELOW, orientation in _FROM_THE_RIGHT


def laid_back(planes: Planes, orientation: int) -> Planes:
    """Upright planes, shape (..., H, W), as the file holds them: a view."""
    return _flipped(planes.swapaxes(-1, -2) if is_on_its_side(orientation) else planes, orientation)


def upright(planes: Planes, orientation: int) -> Planes:
    """What undoes :func:`laid_back`."""
    flipped = _flipped(planes, orientation)
    return flipped.swapaxes(-1, -2) if is_on_its_side(orientation) else flipped


def laid_back_coefficients(coefficients: Planes, orientation: int) -> Planes:
    """The same of the cosine transforms of upright blocks, shape (8, 8, blocks down, blocks across)."""
    if orientation == 1:
        return coefficients
    turned = laid_back(coefficients, orientation)
    if is_on_its_side(orientation):
        turned = turned.swapaxes(0, 1)
    # A frequency of odd number is antisymmetric.
    signs = np.ones((8, 8, 1, 1), coefficients.dtype)
    rows, columns = flips(orientation)
    signs[1::2] *= -1 if rows else 1
    signs[:, 1::2] *= -1 if columns else 1
    return turned * signs


def _flipped(planes: Planes, orientation: int) -> Planes:
    rows, columns = flips(orientation)
    return planes[..., :: -1 if rows else 1, :: -1 if columns else 1]
