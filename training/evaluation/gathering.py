"""Work that has many photos at once, in batches."""

from __future__ import annotations

import asyncio

import numpy as np

from services.inference.backend import Backend, Inference, Tensors
from services.inference.signature import MAX_BATCH

#: How long a batch waits for more photos, in seconds.
_LINGER_SECONDS = 0.05

_Asked = tuple[Tensors, asyncio.Future[Inference]]


class Gathering:
    """Asks another backend for what is asked at the same time as one batch, of the newest version.

    Args:
        backend: the other one, which goes with this.
        batch: the most photos of a batch.
    """

    def __init__(self, backend: Backend, batch: int = MAX_BATCH) -> None:
        self._backend = backend
        self._batch = batch
        self._waiting: dict[str, list[_Asked]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        """See ``Backend.infer``."""
        if version:
            return await self._backend.infer(model, tensors, version)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Inference] = loop.create_future()
        asked = self._waiting.setdefault(model, [])
        asked.append((tensors, future))
        if len(asked) == self._batch:
            self._start(model)
        elif len(asked) == 1:
            loop.call_later(_LINGER_SECONDS, self._start, model)
        return await future

    async def ready(self, model: str) -> bool:
        """See ``Backend.ready``."""
        return await self._backend.ready(model)

    async def close(self) -> None:
        """See ``Backend.close``."""
        await self._backend.close()

    def _start(self, model: str) -> None:
        """Runs what waits; a batch that became full before its time leaves nothing, or others, to this."""
        asked = self._waiting.pop(model, [])
        if asked:
            task = asyncio.create_task(self._run(model, asked))
            self._running.add(task)  # the loop alone would let it go
            task.add_done_callback(self._running.discard)

    async def _run(self, model: str, asked: list[_Asked]) -> None:
        try:
            whole = {name: np.concatenate([tensors[name] for tensors, _ in asked]) for name in asked[0][0]}
            answer = await self._backend.infer(model, whole)
        except Exception as error:
            for _, future in asked:
                if not future.cancelled():
                    future.set_exception(error)
            return
        ends = np.cumsum([len(tensors["INPUT__0"]) for tensors, _ in asked])[:-1]
        parts = {name: np.split(tensor, ends) for name, tensor in answer.tensors.items()}
        for index, (_, future) in enumerate(asked):
            if not future.cancelled():
                own = {name: of_each[index] for name, of_each in parts.items()}
                future.set_result(Inference(answer.model_version, own))
