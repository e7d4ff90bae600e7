"""Perturbations that know nothing of the photo's content: what an attack success rate has to be held against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.imaging.resample import GRID_SIZE, WORKING_SIZE, up_rows

Code = NDArray[np.int8]


def stripes() -> NDArray[np.float64]:
    """Grey stripes of period 8 working pixels, upright; shape (3, G, G)."""
    return np.broadcast_to(np.where(np.arange(GRID_SIZE) % 2, 1.0, -1.0), (3, GRID_SIZE, GRID_SIZE)).copy()


def random_code(random: np.random.Generator) -> NDArray[np.float64]:
    """Each cell up or down by chance; shape (3, G, G)."""
    return random.choice([-1.0, 1.0], size=(3, GRID_SIZE, GRID_SIZE))


def at_strength(shape: NDArray[np.float64], rms: float, lower: Code, upper: Code) -> Code:
    """A code of the given shape within the headroom, so strong that its perturbation has the given RMS.

    Args:
        shape: shape (3, G, G), any scale.
        rms: levels, measured on the working image.
        lower, upper: the photo's headroom.
    """
    nearest, least = np.zeros_like(lower), rms
    scale = rms / max(_rms(shape), 1e-9)
    for _ in range(12):  # the headroom eats some of it: push the rest harder
        code = np.rint(np.clip(shape * scale, lower, upper)).astype(np.int8)
        reached = _rms(code)
        if abs(reached - rms) < least:  # whole levels may not allow it: then it steps to and fro
            nearest, least = code, abs(reached - rms)
        if reached == 0 or least < 0.01 * rms:
            break
        scale *= min(2.0, rms / reached)
    return nearest


def _rms(code: NDArray[np.float64] | Code) -> float:
    """RMS of the upsampled code; a real-valued shape is measured at a scale at which rounding does not matter."""
    peak = float(np.abs(code).max()) or 1.0
    scaled = np.rint(code * (100.0 / peak)).astype(np.int8)
    moved = up_rows(scaled, WORKING_SIZE, WORKING_SIZE, 0, WORKING_SIZE).astype(np.float64)
    return float(np.sqrt(np.mean(moved**2))) * peak / 100.0
