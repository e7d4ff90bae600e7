"""A small real inference for each model: what readiness means."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.imaging.resample import GRID_SIZE, WORKING_SIZE
from services.inference.backend import CLASSIFIER_SIDES, Tensors

#: Models that write a code, and so take bounds and a strength beside the image.
WRITERS = ("protector", "refiner")
#: A strength that nobody asks for by default.
CANARY_STRENGTH_DB = 36.5


def canary_inputs(model: str) -> Tensors:
    """A batch of one with which a model of this name must answer: a smooth gradient, and four levels of headroom."""
    side = CLASSIFIER_SIDES.get(model, WORKING_SIZE)
    ramp = np.linspace(64, 192, side).astype(np.uint8)
    inputs: dict[str, NDArray[Any]] = {"INPUT__0": np.broadcast_to(ramp, (1, 3, side, side)).copy()}
    if model in WRITERS:
        bounds = np.full((1, 3, GRID_SIZE, GRID_SIZE), 4, dtype=np.int8)
        strength = np.array([[CANARY_STRENGTH_DB]], dtype=np.float32)
        inputs |= {"INPUT__1": -bounds, "INPUT__2": bounds, "INPUT__3": strength}
    return inputs
