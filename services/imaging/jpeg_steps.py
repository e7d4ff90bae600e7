"""By how much a JPEG's quantiser steps are divided before a code is added to its coefficients.

Coarse steps swallow a part of a code. A whole number of steps is a whole number of each of their parts, too: so a
protected file may have finer steps than the original, and says its coefficients exactly all the same. It gets larger
by that, so steps stay as they are where they lose little (docs/adr/0025).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.imaging.jpeg_code import TO_RGB, BlockWave
from services.imaging.photo import JpegLayout, Tables

#: The largest share of a code's energy that may be lost in whole steps.
_MOST_LOST = 0.1
#: Limits that divided steps are held to, in levels: the first that loses no more than that is taken.
_LIMITS = (16, 12, 8, 6, 4, 3, 2, 1)
#: A frequency whose coefficients are smaller than this share of the limit, in the mean, stays as it is: hardly any of
#: them would become a step.
_SMALL = 0.25
#: So many rows of blocks of each component, spread over the photo, tell what is lost.
_SAMPLES = 16
#: What a level of brightness and of each colour does to the square of a pixel.
_WEIGHTS = np.square(TO_RGB).mean(axis=0)

Moves = NDArray[np.float32]


def choices(layout: JpegLayout, code: NDArray[np.int8]) -> list[Tables]:
    """Divisors of a JPEG's steps for a code, best first; the last are none, where a file cannot hold divided steps.

    Args:
        code: shape (3, rows, columns), levels, for the upright photo.
    """
    moves = _moves(layout, code)
    whole = [np.array(table) for table in layout.tables]
    total, lost = _energy(moves), _lost(moves, whole)
    if lost <= _MOST_LOST * total:
        return [()]
    sizes = [np.sqrt(np.square(each).mean(axis=0)) for each in moves]
    # Components of one table share their divisors: they may share it in the file.
    shared = [
        np.max([b for b, same in zip(sizes, layout.tables, strict=True) if same == own], axis=0)
        for own in layout.tables
    ]
    for limit in _LIMITS:
        divided = [_divided(table, limit, size) for table, size in zip(whole, shared, strict=True)]
        if _lost(moves, divided) <= _MOST_LOST * total:
            break
    divisors = tuple(tuple(int(n) for n in old // new) for old, new in zip(whole, divided, strict=True))
    return [divisors, ()]


def moved_in(layout: JpegLayout, code: NDArray[np.int8]) -> JpegLayout:
    """The layout of the file to which a code is added: that of the original, or one with divided steps."""
    return layout.divided_by(choices(layout, code)[0])


def _moves(layout: JpegLayout, code: NDArray[np.int8]) -> list[Moves]:
    """By how much a code moves some blocks' coefficients, in whole levels; of each component shape (blocks, 64)."""
    in_levels = JpegLayout(
        layout.orientation, layout.height, layout.width, ((1,) * 64,) * len(layout.tables), layout.halved
    )
    wave = BlockWave(in_levels, code)
    found = []
    for component, (down, across) in enumerate(layout.blocks()):
        rows = range(0, down, -(-down // _SAMPLES))
        blocks = np.zeros((len(rows), across, 64), np.int16)
        for index, row in enumerate(rows):
            wave.add(component, row, blocks[index])
        found.append(blocks.reshape(-1, 64).astype(np.float32))
    return found


def _lost(moves: list[Moves], tables: list[NDArray[np.int64]]) -> float:
    """The energy of what whole steps cannot say."""
    steps = [table.astype(np.float32) for table in tables]
    return _energy([each - step * np.rint(each / step) for each, step in zip(moves, steps, strict=True)])


def _energy(moves: list[Moves]) -> float:
    """The mean square of a coefficient, as a pixel has it."""
    return float(sum(weight * np.square(each).mean() for weight, each in zip(_WEIGHTS, moves, strict=False)))


def _divided(table: NDArray[np.int64], limit: int, size: Moves) -> NDArray[np.int64]:
    """The steps, each divided where it is above the limit and its coefficients are not too small for it."""
    is_divided = (table > limit) & (size >= _SMALL * limit)
    return np.where(is_divided, [max(d for d in range(1, limit + 1) if step % d == 0) for step in table], table)
