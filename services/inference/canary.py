"""A small real inference for each model: what readiness means."""

from __future__ import annotations

import numpy as np

from services.imaging.resample import GRID_SIZE, WORKING_SIZE
from services.inference.backend import Tensors

#: Models that write a code, and so take bounds beside the image.
WRITERS = ("protector", "refiner")


def canary_inputs(model: str) -> Tensors:
    """A batch of one with which a model of this name must answer: a smooth gradient, and one level of headroom."""
    ramp = np.linspace(64, 192, WORKING_SIZE).astype(np.uint8)
    inputs = {"INPUT__0": np.broadcast_to(ramp, (1, 3, WORKING_SIZE, WORKING_SIZE)).copy()}
    if model in WRITERS:
        bounds = np.ones((1, 3, GRID_SIZE, GRID_SIZE), dtype=np.int8)
        return {**inputs, "INPUT__1": -bounds, "INPUT__2": bounds}
    return inputs
