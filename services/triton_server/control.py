"""What an operator tells a Triton server: which models to load and to unload."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

import grpc
from tritonclient.grpc.service_pb2 import (
    ModelStatistics,
    ModelStatisticsRequest,
    RepositoryIndexRequest,
    RepositoryModelLoadRequest,
    RepositoryModelUnloadRequest,
)
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from services.inference.triton import connect

#: Loading takes seconds a model.
_LOAD_SECONDS = 120.0
_UNLOAD_SECONDS = 15.0
_ASK_SECONDS = 5.0


class ControlError(Exception):
    """The server did not do it. The sentence is the server's."""


class Control:
    """Loads and unloads models. Use it as an async context."""

    def __init__(self, url: str) -> None:
        self._channel = connect(url)
        self._stub = GRPCInferenceServiceStub(self._channel)

    async def __aenter__(self) -> Control:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def load(self, model: str) -> None:
        """Makes the server serve the versions that the repository has now. Those that it serves already go on.

        Raises:
            ControlError: a version does not load; what was served before still is.
        """
        try:
            await self._stub.RepositoryModelLoad(RepositoryModelLoadRequest(model_name=model), timeout=_LOAD_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise ControlError(f"{model} does not load: {error.details()}") from error

    async def unload(self, model: str) -> None:
        """Stops serving a model.

        Raises:
            ControlError: the server does not answer.
        """
        try:
            request = RepositoryModelUnloadRequest(model_name=model)
            await self._stub.RepositoryModelUnload(request, timeout=_UNLOAD_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise ControlError(f"{model} cannot be unloaded: {error.details()}") from error

    async def served(self, model: str) -> list[int]:
        """The versions that are served, in order.

        Raises:
            ControlError: the server does not answer.
        """
        try:
            index = await self._stub.RepositoryIndex(RepositoryIndexRequest(ready=True), timeout=_ASK_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise ControlError(f"The server does not answer: {error.details()}") from error
        return sorted(int(entry.version) for entry in index.models if entry.name == model and entry.version)

    async def successes(self, model: str) -> int:
        """How many requests the model has answered since it was loaded; 0 where it is not served.

        Raises:
            ControlError: the server does not answer.
        """
        return sum(entry.inference_stats.success.count for entry in await self._statistics(model))

    async def _statistics(self, model: str) -> Sequence[ModelStatistics]:
        try:
            answer = await self._stub.ModelStatistics(ModelStatisticsRequest(name=model), timeout=_ASK_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND):
                return ()
            raise ControlError(f"The server does not answer: {error.details()}") from error
        return tuple(answer.model_stats)
