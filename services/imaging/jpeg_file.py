"""Adding a code to a JPEG's own coefficients, and subtracting it again: so a JPEG comes back bit for bit, too.

A JPEG's coefficients are whole numbers of its quantiser's steps. A code brought up to the photo's size, in the same
transform, is rounded to such steps and added; nothing is decoded or encoded, so nothing is lost. Who has the code makes
the same whole numbers again. All of it is exact: products and sums of whole numbers that fit the 53 bits of a float64,
in any order of summation, and one division (docs/adr/0023).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging.codec import coefficients, segments
from services.imaging.photo import JpegFile, JpegGrid
from services.imaging.resample import WEIGHT_UNIT, axis_weights

Exact = NDArray[np.float64]

#: How much larger than the original its protected file may get before it is made smaller.
_GROWTH = 1.3
#: Whole numbers stand for shares of this.
_UNIT = 256
#: Brightness and the two colours of RGB (JFIF); and a block's discrete cosine transform along one axis.
_TO_YCC = np.array([[77, 150, 29], [-43, -85, 128], [128, -107, -21]], np.float64)
_FREQUENCIES = np.arange(8)[:, None]
_LENGTHS = np.sqrt(np.where(_FREQUENCIES == 0, 0.125, 0.25))
_DCT = np.rint(_UNIT * _LENGTHS * np.cos(np.pi / 16.0 * _FREQUENCIES * (2 * _FREQUENCIES.T + 1)))
_NOTHING = np.empty((0, 0), np.float64)
#: What undoes how EXIF's orientation lays a photo upright.
_LAID_BACK = {
    1: lambda code: code,
    2: lambda code: code[:, :, ::-1],
    3: lambda code: code[:, ::-1, ::-1],
    4: lambda code: code[:, ::-1],
    5: lambda code: code.transpose(0, 2, 1),
    6: lambda code: np.rot90(code, 1, (1, 2)),
    7: lambda code: code[:, ::-1, ::-1].transpose(0, 2, 1),
    8: lambda code: np.rot90(code, -1, (1, 2)),
}

#: How EXIF's orientation lays a plane upright.
_UPRIGHT = {
    1: lambda plane: plane,
    2: lambda plane: plane[:, ::-1],
    3: lambda plane: plane[::-1, ::-1],
    4: lambda plane: plane[::-1],
    5: lambda plane: plane.T,
    6: lambda plane: np.rot90(plane, -1),
    7: lambda plane: plane[::-1, ::-1].T,
    8: lambda plane: np.rot90(plane, 1),
}


def add(file: JpegFile, code: NDArray[np.int8], icc_profile: bytes | None, carried: bytes = b"") -> bytes | None:
    """The JPEG with a code in it, and no metadata but its orientation, the colour profile and what it carries.

    Args:
        code: shape (3, rows, columns), levels, for the upright photo.

    Returns:
        None where it cannot be: see ``coefficients.changed``.
    """
    moved = _moved(file, code, 1, file.is_progressive)
    if moved is not None and len(moved) > _GROWTH * len(file.data):
        # The original's Huffman codes were tuned to it, as those of a progressive one always are.
        moved = _moved(file, code, 1, is_progressive=True)
    return None if moved is None else segments.inserted(moved, file.grid.orientation, icc_profile, carried)


def subtract(file: JpegFile, code: NDArray[np.int8], icc_profile: bytes | None) -> bytes | None:
    """The JPEG that ``add`` was given, coefficient for coefficient, if this is what it returned."""
    moved = _moved(file, code, -1, file.is_progressive)
    return None if moved is None else segments.inserted(moved, file.grid.orientation, icc_profile, b"")


def restores(original: JpegFile, moved: bytes, code: NDArray[np.int8]) -> bool:
    """Whether ``subtract`` gives the original's coefficients back, out of what ``add`` made of it."""
    # Told by hashes, one file after the other: at 50 megapixels, each in memory counts.
    same = _digest(coefficients.changed(original.data, _leave, original.is_progressive))
    return same is not None and same == _digest(
        _moved(replace(original, data=moved), code, -1, original.is_progressive)
    )


def _digest(data: bytes | None) -> bytes | None:
    return None if data is None else hashlib.sha256(data).digest()


def _leave(component: int, row: int, blocks: NDArray[np.int16]) -> None:
    """No change."""


def _moved(file: JpegFile, code: NDArray[np.int8], sign: int, is_progressive: bool) -> bytes | None:
    wave = _BlockWave(file.grid, code)

    def change(component: int, row: int, blocks: NDArray[np.int16]) -> None:
        steps = wave.steps(component, row)
        if sign > 0:
            blocks += steps
        else:
            blocks -= steps

    return coefficients.changed(file.data, change, is_progressive)


def moves(grid: JpegGrid, code: NDArray[np.int8]) -> list[NDArray[np.float16]]:
    """By how much ``add`` moved brightness and the two colours of the upright photo: shape (H, W) each, in levels, at
    the size at which the JPEG holds them.
    """
    wave = _BlockWave(grid, code)
    return [np.ascontiguousarray(_UPRIGHT[grid.orientation](wave.plane(component))) for component in range(3)]


class _BlockWave:
    """A code brought up to a JPEG's size, as whole steps of its quantiser; see ``resample.Wave``."""

    def __init__(self, grid: JpegGrid, code: NDArray[np.int8]) -> None:
        code = np.ascontiguousarray(_LAID_BACK[grid.orientation](code))
        self._grid = grid
        self._rows: list[Exact] = []
        self._wide: list[Exact] = []
        self._shares: list[Exact] = []
        mixed = np.tensordot(_TO_YCC, code.astype(np.float64), axes=1)
        for component in range(3):
            tall, wide = (1, 1) if component == 0 else grid.halved
            rows = _axis(grid.height, code.shape[1], tall)
            columns = _axis(grid.width, code.shape[2], wide).reshape(-1, code.shape[2])
            self._rows.append(rows)
            self._wide.append(_product(mixed[component], columns.T))
            unit = _UNIT * (_UNIT * WEIGHT_UNIT) ** 2 * tall * wide
            self._shares.append(1.0 / (unit * np.array(grid.tables[component], np.float64).reshape(8, 1, 8)))

    def steps(self, component: int, row: int) -> NDArray[np.int16]:
        """Of a row of blocks: shape (blocks, 64)."""
        rows = self._rows[component][row]
        used = np.flatnonzero(rows.any(axis=0))
        cells = slice(used[0], used[-1] + 1)
        found = _product(rows[:, cells], self._wide[component][cells])
        levels = found.reshape(8, -1, 8) * self._shares[component]
        whole = np.rint(levels, out=levels).astype(np.int16)
        return np.ascontiguousarray(whole.transpose(1, 0, 2)).reshape(-1, 64)

    def plane(self, component: int) -> NDArray[np.float16]:
        """All of them brought back to levels, as the file lies; shape (H, W), of the component."""
        rows, tall, wide = len(self._rows[component]), *((1, 1) if component == 0 else self._grid.halved)
        table = np.array(self._grid.tables[component], np.float32)
        cosines = (_DCT / _UNIT).astype(np.float32)
        strips = []
        for row in range(rows):
            levels = cosines.T @ (self.steps(component, row) * table).reshape(-1, 8, 8) @ cosines
            strips.append(levels.transpose(1, 0, 2).reshape(8, -1).astype(np.float16))
        return np.concatenate(strips)[: -(-self._grid.height // tall), : -(-self._grid.width // wide)]


def _product(left: Exact, right: Exact) -> Exact:
    """Of few rows: OpenCV multiplies them itself, where NumPy's BLAS would keep cores busy (docs/adr/0015)."""
    found = cv2.gemm(np.ascontiguousarray(left), np.ascontiguousarray(right), 1.0, _NOTHING, 0.0)
    return found.astype(np.float64, copy=False)


@lru_cache(maxsize=64)
def _axis(pixels: int, cells: int, halved: int) -> Exact:
    """The transform of each cell's weights along one axis, block for block; shape (blocks, 8, cells), whole numbers.

    Args:
        halved: how many pixels make one of the component's; their weights are added up.
    """
    weights = axis_weights(pixels, cells).astype(np.float64)
    weights = np.pad(weights, ((0, -pixels % halved), (0, 0)), mode="edge").reshape(-1, halved, cells).sum(axis=1)
    weights = np.pad(weights, ((0, -len(weights) % 8), (0, 0)), mode="edge").reshape(-1, 8, cells)
    return np.ascontiguousarray(np.einsum("fp,bpc->bfc", _DCT, weights))
