"""The one interface behind which models run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: The classifiers that are served, and the side of the square photo that each looks at.
CLASSIFIER_SIDES = {
    "classifier_efficientnet_lite0": 224,
    "classifier_efficientnet_lite1": 240,
    "classifier_efficientnet_lite2": 260,
}

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Inference:
    """What a model answered, and which version of it."""

    model_version: str
    tensors: dict[str, NDArray[np.generic]]


class Backend(Protocol):
    """Runs named models on tensors. Implementations: embedded (in process), triton (over gRPC)."""

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        """Runs a model on a batch.

        Args:
            model: the model's name in the model repository.
            tensors: by input name (INPUT__0, ...), each with the batch first.
            version: a version of the model; empty for the newest.

        Raises:
            UnknownModelError: no such model or version.
            UnavailableError: the model cannot answer now, or not as long as the caller waits (``deadline.within``).
            ValueError: the tensors are not what the model takes (``signature.check_inputs``).
        """
        ...

    async def ready(self, model: str) -> bool:
        """Whether the model answers.

        Raises:
            UnknownModelError: no such model.
        """
        ...

    async def close(self) -> None:
        """Lets go of everything."""
        ...
