"""One plane of a JPEG's copy of a protected photo -> the original's, estimated coefficient by coefficient.

What is known of a coefficient of the original: by how much the code moved it, and that the copy's quantiser then found
it within half a step of a whole number of steps. What is likely: near zero rather than far (Laplace), as far as the
same coefficient of the blocks around; and where the original was itself a JPEG on the same blocks, a whole number of
its own steps. The estimate is the mean of what is likely, the one of least square error (Price and Rabbani 1999, who
leave out the code).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

_BLOCK = 8
#: The orthonormal cosine transform of a block's side.
_COSINES = np.array(
    [[np.cos((2 * x + 1) * k * np.pi / 16) * (0.5 if k else 0.5**1.5) for x in range(_BLOCK)] for k in range(_BLOCK)],
    np.float32,
)
#: QuantiserSteps from which rounding to 8 bits cannot hide which whole number of them a coefficient was; levels.
_SURE_STEP = 3.0
#: Variance of a coefficient that the decoder's rounding to 8 bits leaves, which counts below that step; levels squared.
_ROUNDING_VARIANCE = 0.1
#: By how much a coefficient of an original may miss a whole number of its steps, decoded to 8 bits; levels.
_ROUNDING = 0.3
#: How gradually an interval ends, in that.
_SOFTNESS = 0.6
#: An original's own steps tell something where a copy's step is at most so many of them, and they are not this fine.
_MOST_STEPS, _FINEST_STEP = 6.0, 1.5
#: Farther than this beyond its interval an original's own steps explain no coefficient, so it is on none; levels.
_MISSED = 4 * _ROUNDING
#: A photo is on its original's steps unless more than this share of those coefficients is on none that would be by
#: chance alone.
_MOST_OFF = 0.2
#: So many would have to be, at least, to tell.
_FEWEST = 10.0
#: The least and the most that it can be, in the copy's steps: beyond, nothing changes, and rounding errors grow.
_LEAST_SCALE, _MOST_SCALE = 0.02, 25.0
#: The natural logarithm of odds as good as certain; more would overflow.
_NEVER = 60.0


@dataclass(frozen=True)
class QuantiserSteps:
    """A plane's quantiser steps in levels, shape (8, 8): the copy's, and the original's, where it lies on any."""

    copy: Plane
    original: Plane | None


def restored(copy: Plane, own: Plane, steps: QuantiserSteps) -> Plane:
    """The original's plane, about zero, from a copy's and the code's; shape (H, W)."""
    height, width = copy.shape
    return from_coefficients(restored_coefficients(coefficients(copy), own, steps))[:height, :width]


def restored_coefficients(held: Plane, own: Plane, steps: QuantiserSteps) -> Plane:
    """The original's coefficients.

    Args:
        held: the copy's, which they take the place of; shape (8, 8, blocks down, blocks across).
        own: the code's plane; shape (H, W).
    """
    moved = coefficients(own)
    for row, column in np.ndindex(_BLOCK, _BLOCK):
        step = float(steps.copy[row, column])
        found, reach = _found(held[row, column], moved[row, column], step)
        lattice = None if steps.original is None else float(steps.original[row, column])
        held[row, column] = estimated(found, reach, step, lattice, is_mean=row == column == 0)
    return held


def estimated(found: Plane, reach: float, step: float, lattice: float | None, is_mean: bool) -> Plane:
    """Estimates of one of the original's coefficients in every block.

    Args:
        found: what the copy tells of it, without the code.
        reach: how far it may lie from that.
        step: the copy's.
        lattice: the original's step, where it lies on any.
        is_mean: whether it is the block's mean, which is as likely anywhere.
    """
    if lattice is not None and lattice >= _FINEST_STEP and 2 * reach <= _MOST_STEPS * lattice:
        return _likely(found, reach, step, lattice)
    return found if is_mean else _likely(found, reach, step, None)


def misses(copy: Plane, own: Plane, steps: QuantiserSteps, unsure: NDArray[np.bool_]) -> tuple[int, float]:
    """How many of a plane's coefficients are on none of the original's steps, and how many would be by chance.

    Args:
        unsure: blocks that are left aside, shape (blocks down, blocks across).
    """
    assert steps.original is not None
    held, moved = coefficients(copy), coefficients(own)
    off, chance = 0, 0.0
    for row, column in np.ndindex(_BLOCK, _BLOCK):
        found, reach = _found(held[row, column], moved[row, column], float(steps.copy[row, column]))
        missed = misses_of(found[~unsure], reach, float(steps.original[row, column]))
        off, chance = off + missed[0], chance + missed[1]
    return off, chance


def misses_of(found: Plane, reach: float, lattice: float) -> tuple[int, float]:
    """The part of one coefficient in :func:`misses`; see :func:`estimated`."""
    explained = 2 * (reach + _MISSED) / lattice
    if explained >= 1.0:
        return 0, 0.0
    large = found[np.abs(found) > lattice / 2]
    return int(np.count_nonzero(_distance(large, lattice) > reach + _MISSED)), large.size * (1.0 - explained)


def are_on_steps(off: int, chance: float) -> bool:
    """Whether a copy's blocks lie as the original's did, by the sums of ``misses``."""
    return chance < _FEWEST or off <= _MOST_OFF * chance


def _found(held: Plane, moved: Plane, step: float) -> tuple[Plane, float]:
    """A coefficient without the code in every block, and how far the original's may lie from it."""
    if step >= _SURE_STEP:
        return step * np.rint(held / step) - moved, step / 2
    return held - moved, rounded_reach(step)


def rounded_reach(step: float) -> float:
    """How far a coefficient may lie from what a copy of this step says, where rounding to 8 bits lies between."""
    return math.sqrt(step * step / 4 + 3 * _ROUNDING_VARIANCE)


def _distance(found: Plane, lattice: float) -> Plane:
    """From the nearest multiple."""
    distance: Plane = np.abs(found - _nearest(found, lattice))
    return distance


def _nearest(found: Plane, lattice: float) -> Plane:
    multiple: Plane = lattice * np.rint(found / lattice)
    return multiple


def _likely(found: Plane, reach: float, step: float, lattice: float | None) -> Plane:
    """The mean of what is likely, in every block."""
    missed = None if lattice is None else _distance(found, lattice) > reach + _MISSED
    if lattice is not None and missed is not None and 2 * (reach + _MISSED) < lattice and not missed.any():
        return _nearest(found, lattice)
    # The likely size is estimated anew from the estimates; to do so again gains nothing that shows.
    _, size = _means(found, reach, _scale(np.abs(found), step), lattice)
    scale = _scale(size, step)
    mean, _ = _means(found, reach, scale, lattice)
    if missed is not None:  # what no multiple explains was drawn over, or clipped
        mean[missed] = _smooth_means(found[missed], reach, scale[missed])[0]
    return mean


def _scale(size: Plane, step: float) -> Plane:
    """The likely size of a coefficient: that in the block and those around it."""
    around = cv2.blur(size, (3, 3), borderType=cv2.BORDER_REFLECT).astype(np.float32, copy=False)
    return np.clip(around, _LEAST_SCALE * step, _MOST_SCALE * step)


def _means(found: Plane, reach: float, scale: Plane, lattice: float | None) -> tuple[Plane, Plane]:
    """The mean, and the mean size, of what is likely."""
    return _smooth_means(found, reach, scale) if lattice is None else _lattice_means(found, reach, scale, lattice)


def _smooth_means(found: Plane, reach: float, scale: Plane) -> tuple[Plane, Plane]:
    """Of a Laplace distribution about zero within an interval."""
    middle = np.abs(found)
    # Where the interval holds zero, each side of it has a part of the distribution, which ends at its own edge.
    near, far = np.maximum(reach - middle, 0.0), reach + middle
    past_near, past_far = np.exp(-near / scale), np.exp(-far / scale)
    mass = 2 - past_near - past_far
    with_sign, without = scale - (far + scale) * past_far, scale - (near + scale) * past_near
    # Where it does not, what is left is an exponential decay that begins at its nearer edge.
    rest = np.exp(np.float32(-2 * reach) / scale)
    away = middle - reach + scale - 2 * reach * rest / (1 - rest)
    holds_zero = middle < reach
    mean = np.where(holds_zero, (with_sign - without) / mass, away)
    return np.copysign(mean, found), np.where(holds_zero, (with_sign + without) / mass, away)


def _lattice_means(found: Plane, reach: float, scale: Plane, lattice: float) -> tuple[Plane, Plane]:
    """Of the same on the multiples of a step alone; the interval's edges are as soft as rounding makes them."""
    nearest = _nearest(found, lattice)
    least, decay, edge = np.abs(nearest), 1 / scale, _SOFTNESS * _ROUNDING
    mass, mean, size = (np.zeros_like(found) for _ in range(3))
    most = math.ceil((reach + 2 * _ROUNDING) / lattice)
    for multiple in range(-most, most + 1):
        value = nearest + multiple * lattice
        distance = np.abs(value)
        outside = (np.abs(value - found) - reach) / edge
        nearer = np.minimum((least - distance) * decay, _NEVER)
        weight = np.exp(nearer) / (1 + np.exp(np.minimum(outside, _NEVER)))
        mass += weight
        mean += weight * value
        size += weight * distance
    return mean / mass, size / mass


def coefficients(plane: Plane) -> Plane:
    """Cosine transform of a plane's blocks; shape (8, 8, blocks down, blocks across)."""
    whole = padded(plane, _BLOCK, _BLOCK)
    blocks = whole.reshape(whole.shape[0] // _BLOCK, _BLOCK, -1, _BLOCK).transpose(0, 2, 1, 3)
    return np.ascontiguousarray((_COSINES @ blocks @ _COSINES.T).transpose(2, 3, 0, 1))


def from_coefficients(transformed: Plane) -> Plane:
    """What undoes :func:`coefficients`; shape (8 x blocks down, 8 x blocks across)."""
    blocks = _COSINES.T @ transformed.transpose(2, 3, 0, 1) @ _COSINES
    down, across = blocks.shape[:2]
    return blocks.transpose(0, 2, 1, 3).reshape(down * _BLOCK, across * _BLOCK).astype(np.float32, copy=False)


def padded(plane: Plane, rows: int, columns: int) -> Plane:
    """A plane whose sides are multiples, as an encoder fills up its last blocks."""
    height, width = plane.shape
    return np.pad(plane, ((0, -height % rows), (0, -width % columns)), mode="edge")
