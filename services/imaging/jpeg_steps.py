"""By how much a JPEG's quantiser steps are divided before a code is added to its coefficients.

Coarse steps swallow a part of a code. A whole number of steps is a whole number of each of their parts, too: so a
protected file may have finer steps than the original, and says its coefficients exactly all the same. It gets larger
by that, so steps stay as they are where they lose little (docs/adr/0025).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.imaging.jpeg_code import TO_RGB, BlockWave, Exact, whole
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


def choices(layout: JpegLayout, code: NDArray[np.int8]) -> list[Tables]:
    """Divisors of a JPEG's steps for a code, best first; the last are none, where a file cannot hold divided steps.

    Args:
        code: shape (3, rows, columns), levels, for the upright photo.
    """
    moves = _moves(layout, code)
    own = [np.array(table, np.float64) for table in layout.tables]
    most = _MOST_LOST * _energy(moves)
    if _lost(moves, own, own) <= most:
        return [()]
    sizes = [np.sqrt(np.square(each).mean(axis=0)) for each in moves]
    # Components of one table share their divisors: they may share it in the file.
    shared = [
        np.max([size for size, table in zip(sizes, layout.tables, strict=True) if table == shared], axis=0)
        for shared in layout.tables
    ]
    for limit in _LIMITS:
        finer = [_divided(table, limit, size) for table, size in zip(own, shared, strict=True)]
        if _lost(moves, own, finer) <= most:
            break
    divisors = tuple(tuple(int(n) for n in old // new) for old, new in zip(own, finer, strict=True))
    return [divisors, ()]


def moved_in(layout: JpegLayout, code: NDArray[np.int8]) -> JpegLayout:
    """The layout of the file to which a code is added: that of the original, or one with divided steps."""
    return layout.divided_by(choices(layout, code)[0])


def _moves(layout: JpegLayout, code: NDArray[np.int8]) -> list[Exact]:
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
        found.append(blocks.reshape(-1, 64).astype(np.float64))
    return found


def _lost(moves: list[Exact], own: list[Exact], finer: list[Exact]) -> float:
    """The energy of what whole steps cannot say, of the original's steps or of finer ones."""
    left = []
    for each, old, steps in zip(moves, own, finer, strict=True):
        used = each.any(axis=0)  # in large photos a code has low frequencies alone
        each, old, steps = each[:, used], old[used], steps[used]
        left.append(each - steps * whole(each / steps, steps, old / steps))
    return _energy(left)


def _energy(moves: list[Exact]) -> float:
    """The square of a block's coefficients in the mean, as pixels have it."""
    pairs = zip(_WEIGHTS, moves, strict=False)
    return float(sum(weight * np.square(each).sum() / len(each) for weight, each in pairs))


def _divided(table: Exact, limit: int, size: Exact) -> Exact:
    """The steps, each divided where it is above the limit and its coefficients are not too small for it."""
    divided = table.copy()
    for at in np.flatnonzero((table > limit) & (size >= _SMALL * limit)):
        divided[at] = max(part for part in range(1, limit + 1) if table[at] % part == 0)
    return divided
