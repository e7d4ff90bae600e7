"""The one interface behind which models run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Inference:
    """What a model answered, and which version of it. queue_seconds: how long it waited for its turn, where known."""

    model_version: str
    tensors: dict[str, NDArray[np.generic]]
    queue_seconds: float | None = None


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
        """Whether the model answers."""
        ...

    async def close(self) -> None:
        """Lets go of everything."""
        ...
