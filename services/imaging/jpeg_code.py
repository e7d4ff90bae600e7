"""A code in the terms of a JPEG's own coefficients: which whole steps of its quantiser stand for it.

A JPEG's coefficients are whole numbers of its quantiser's steps. A code brought up to the photo's size, in the same
transform, is rounded to such steps. Who has the code makes the same whole numbers again, on any machine: products and
sums of whole numbers that fit the 53 bits of a float64, in any order of summation, and one multiplication and rounding
(docs/adr/0023).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging.orientation import laid_back, upright
from services.imaging.photo import JpegLayout
from services.imaging.resample import WEIGHT_UNIT, WORKING_SIZE, axis_weights, kept_if_small, squashed

Exact = NDArray[np.float64]

#: Whole numbers stand for shares of this.
_UNIT = 256
#: Such shares of RGB in brightness and the two colours; and a block's discrete cosine transform along one axis.
_WHOLE_YCC = np.array([[77, 150, 29], [-43, -85, 128], [128, -107, -21]], np.float64)
_FREQUENCIES = np.arange(8)[:, None]
_LENGTHS = np.sqrt(np.where(_FREQUENCIES == 0, 0.125, 0.25))
_COSINES = _LENGTHS * np.cos(np.pi / 16.0 * _FREQUENCIES * (2 * _FREQUENCIES.T + 1))
_DCT = np.rint(_UNIT * _COSINES)
#: Brightness and the two colours of RGB, as a JPEG has them (JFIF), about zero but for the brightness; and back.
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
TO_RGB = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], np.float32)
#: A divided step is taken only where the sum is at least so far, in levels, from the middle between two of the
#: original's steps: else who saves the photo again in those rounds it up or down by chance, and nobody can tell.
_CLEAR = 1.5
_NOTHING = np.empty((0, 0), np.float64)


def moves(layout: JpegLayout, code: NDArray[np.int8], means: bool = False) -> Iterator[NDArray[np.float16]]:
    """By how much ``add`` moved brightness and the two colours of the upright photo, one after the other: shape (H, W)
    each, in levels, at the size at which the JPEG holds them.

    Args:
        means: of each block of 8 x 8 alone.
    """
    wave = BlockWave(layout, code)
    for component in range(len(layout.tables)):
        plane = np.ascontiguousarray(upright(wave.plane(component, means), layout.orientation))
        yield plane
    for _ in range(3 - len(layout.tables)):
        yield np.zeros_like(plane)  # a grey one's colours stay


def working_move(layout: JpegLayout, code: NDArray[np.int8]) -> NDArray[np.float32]:
    """By how much ``BlockWave.add`` moved the working image; shape (3, WORKING_SIZE, WORKING_SIZE), levels."""
    # Of a large photo the blocks' means are detail enough.
    means = min(layout.height, layout.width) >= 8 * WORKING_SIZE
    planes = (squashed(plane.astype(np.float32), WORKING_SIZE) for plane in moves(layout, code, means))
    small = np.stack(list(planes), axis=-1)
    return np.ascontiguousarray(cv2.transform(small, TO_RGB).transpose(2, 0, 1))


def whole(moves: Exact, steps: Exact, divided: Exact) -> Exact:
    """What whole steps say of a code, in steps.

    Args:
        moves: by how much it moves coefficients, in steps.
        steps, divided: of these, in levels, and by how much the original's were divided; shapes that go with ``moves``.
    """
    found = np.rint(moves)
    middle, clear = (np.floor(moves / divided) + 0.5) * divided, _CLEAR / steps
    below, above = np.floor(middle - clear), np.ceil(middle + clear)
    is_unclear = (divided > 1) & (below < found) & (found < above)
    return np.where(is_unclear, np.where(moves < middle, below, above), found)


class BlockWave:
    """A code brought up to a JPEG's size, as whole steps of its quantiser; see ``resample.Wave``."""

    def __init__(self, layout: JpegLayout, code: NDArray[np.int8]) -> None:
        code = np.ascontiguousarray(laid_back(code, layout.orientation))
        mixed = np.tensordot(_WHOLE_YCC, code.astype(np.float64), axes=1)
        self._layout = layout
        self._planes = [_Plane(layout, component, mixed[component]) for component in range(len(layout.tables))]

    def add(self, component: int, row: int, blocks: NDArray[np.int16]) -> None:
        """Adds the steps of a row of blocks to its coefficients, shape (blocks, 64), in place."""
        steps, changed = self._planes[component].steps(row), self._changed(component, blocks)
        changed += steps

    def subtract(self, component: int, row: int, blocks: NDArray[np.int16]) -> None:
        """Subtracts them."""
        steps, changed = self._planes[component].steps(row), self._changed(component, blocks)
        changed -= steps

    def plane(self, component: int, means: bool) -> NDArray[np.float16]:
        """All of them brought back to levels, as the file lies; shape (H, W), of the component."""
        tall, wide = self._layout.shrunk(component)
        table = np.array(self._layout.tables[component], np.float32)
        cosines = _COSINES.astype(np.float32)
        down, across = self._layout.blocks()[component]
        strips = []
        for row in range(down):
            blocks = np.zeros((across, 64), np.int16)
            self.add(component, row, blocks)
            if means:
                strips.append((blocks[None, :, 0] * (table[0] / 8.0)).astype(np.float16))
                continue
            levels = cosines.T @ (blocks * table).reshape(-1, 8, 8) @ cosines
            strips.append(levels.transpose(1, 0, 2).reshape(8, -1).astype(np.float16))
        return np.concatenate(strips)[: -(-self._layout.height // tall), : -(-self._layout.width // wide)]

    def _changed(self, component: int, blocks: NDArray[np.int16]) -> NDArray[np.int16]:
        down, across = self._planes[component].kept
        return blocks.reshape(-1, 8, 8)[:, :down, :across]


class _Plane:
    """One component of a :class:`BlockWave`.

    Attributes:
        kept: how many frequencies down and across can have steps at all: in large photos a code has low ones alone.
    """

    def __init__(self, layout: JpegLayout, component: int, cells: Exact) -> None:
        tall, wide = layout.shrunk(component)
        rows, columns = _axis(layout.height, cells.shape[0], tall), _axis(layout.width, cells.shape[1], wide)
        table = np.array(layout.tables[component], np.float64).reshape(8, 8)
        shares = 1.0 / (_UNIT * (_UNIT * WEIGHT_UNIT) ** 2 * tall * wide * table)
        # No product is larger than that of the largest sums of weights and the largest cell.
        most = np.outer(*(np.abs(axis).sum(axis=2).max(axis=0) for axis in (rows, columns))) * np.abs(cells).max()
        has_steps = most * shares >= 0.5
        self.kept = _last(has_steps.any(axis=1)), _last(has_steps.any(axis=0))
        down, across = self.kept
        self._rows = rows[:, :down]
        self._wide = _product(cells, columns[:, :across].reshape(-1, cells.shape[1]).T)
        self._shares = shares[:down, None, :across]
        self._table = table[:down, None, :across]
        self._divided: Exact | None = None
        if layout.divided:
            divided = np.array(layout.divided[component], np.float64).reshape(8, 8)
            self._divided = divided[:down, None, :across]

    def steps(self, row: int) -> NDArray[np.int16]:
        """Of a row of blocks: shape (blocks, *kept)."""
        down, across = self.kept
        rows = self._rows[row]
        used = np.flatnonzero(rows.any(axis=0))
        cells = slice(used[0], used[-1] + 1)
        levels = _product(rows[:, cells], self._wide[cells]).reshape(down, -1, across)
        levels *= self._shares
        if self._divided is not None:
            return whole(levels, self._table, self._divided).astype(np.int16).transpose(1, 0, 2)
        return np.rint(levels, out=levels).astype(np.int16).transpose(1, 0, 2)


def _last(are: NDArray[np.bool_]) -> int:
    """How many there are up to the last that is true; at least one."""
    return int(np.flatnonzero(are)[-1]) + 1 if are.any() else 1


def _product(left: Exact, right: Exact) -> Exact:
    """Of few rows: OpenCV multiplies them itself, where NumPy's BLAS would keep cores busy (docs/adr/0015)."""
    found = cv2.gemm(np.ascontiguousarray(left), np.ascontiguousarray(right), 1.0, _NOTHING, 0.0)
    return found.astype(np.float64, copy=False)


@kept_if_small
def _axis(pixels: int, cells: int, halved: int) -> Exact:
    """The transform of each cell's weights along one axis, block for block; shape (blocks, 8, cells), whole numbers.

    Args:
        halved: how many pixels make one of the component's; their weights are added up.
    """
    weights = axis_weights(pixels, cells).astype(np.float64)
    weights = np.pad(weights, ((0, -pixels % halved), (0, 0)), mode="edge").reshape(-1, halved, cells).sum(axis=1)
    weights = np.pad(weights, ((0, -len(weights) % 8), (0, 0)), mode="edge").reshape(-1, 8, cells)
    return np.ascontiguousarray(np.einsum("fp,bpc->bfc", _DCT, weights))
