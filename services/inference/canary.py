"""A small real inference for each model: what readiness means."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.inference.backend import Tensors
from services.inference.signature import signature

#: A strength that nobody asks for by default.
CANARY_STRENGTH_DB = 36.5
#: Levels of headroom.
_CANARY_ROOM = 4


def canary_inputs(model: str) -> Tensors:
    """A batch of one with which a model of this name must answer: a smooth gradient, and four levels of headroom."""
    tensors: list[NDArray[Any]] = []
    for spec in signature(model).inputs:
        if spec.dtype == "uint8":
            ramp = np.linspace(64, 192, spec.shape[-1]).astype(np.uint8)
            tensors.append(np.broadcast_to(ramp, (1, *spec.shape)).copy())
        elif spec.dtype == "int8":
            # The lower bound comes first.
            tensors.append(np.full((1, *spec.shape), -_CANARY_ROOM if len(tensors) == 1 else _CANARY_ROOM, np.int8))
        else:
            tensors.append(np.full((1, *spec.shape), CANARY_STRENGTH_DB, np.float32))
    return {f"INPUT__{index}": tensor for index, tensor in enumerate(tensors)}
