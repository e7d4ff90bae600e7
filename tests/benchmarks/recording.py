"""What the services ask of a backend, so that a server can be asked the same directly."""

from __future__ import annotations

from triton_support import REPOSITORY

from services.inference.backend import Inference, Tensors
from services.inference.embedded import EmbeddedBackend


class RecordingBackend:
    """Remembers every inference that it was asked for, in order. Canaries are not remembered."""

    def __init__(self) -> None:
        self._backend = EmbeddedBackend(REPOSITORY, threads=1)
        self.asked: list[tuple[str, Tensors]] = []

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        self.asked.append((model, tensors))
        return await self._backend.infer(model, tensors, version)

    async def ready(self, model: str) -> bool:
        return await self._backend.ready(model)

    async def close(self) -> None:
        await self._backend.close()
