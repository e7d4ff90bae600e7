"""Models on an NVIDIA Triton server, over gRPC.

Calls are made on the generated stub: tritonclient's own wrapper copies each tensor more often (docs/adr/0008).
Inference changes nothing, so what failed for the server's sake is tried again for as long as the caller waits, or
``deadline.retried_within`` lets it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc.service_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    RepositoryIndexRequest,
)
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from services.errors import UnavailableError, UnknownModelError
from services.inference.backend import Inference, Tensors
from services.inference.canary import canary_inputs
from services.inference.deadline import may_retry, retried_within, seconds_left
from services.inference.signature import check_inputs, check_outputs

#: Kept back of the caller's time, so that a refusal still reaches the caller.
_MARGIN_SECONDS = 0.3
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
#: A canary that failed for the server's sake is tried again for so long: a short restart takes nobody out of rotation.
_CANARY_RETRY_SECONDS = 10.0

_TRITON_TYPES = {"uint8": "UINT8", "int8": "INT8", "float32": "FP32"}
_NUMPY_TYPES = {triton: name for name, triton in _TRITON_TYPES.items()}

_OPTIONS = (
    # A batch of 16 working images is 2.4 MB; gRPC's limit of 4 MiB is near. Both ends of this channel are ours.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # With one connection for all, a service would stay with one of several servers for ever.
    ("grpc.lb_policy_name", "round_robin"),
    # A server that was restarted is found again soon: gRPC's own pause grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A peer that vanished without a word is noticed.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
)

_log = logging.getLogger(__name__)


class NoAnswerError(UnavailableError):
    """The model did not answer in time: it hangs, or has too much to do."""


def connect(url: str) -> grpc.aio.Channel:
    """A channel to a Triton server."""
    return grpc.aio.insecure_channel(url, options=_OPTIONS)


class TritonBackend:
    """Runs models on a Triton server.

    Args:
        url: host:port, or any other target of gRPC's (dns:///name:port).
        inference_seconds: the most that one inference may take, retries included.
        on_retry: told the model's name before each further try; None: nothing is tried again.
    """

    def __init__(
        self,
        url: str,
        inference_seconds: float = 30.0,
        on_retry: Callable[[str], None] | None = lambda model: None,
    ) -> None:
        self._inference_seconds = inference_seconds
        self._on_retry = on_retry
        #: How often each model has answered.
        self._answers: Counter[str] = Counter()
        self._channel = connect(url)
        self._stub = GRPCInferenceServiceStub(self._channel)

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        """See ``Backend.infer``."""
        check_inputs(model, tensors, version)
        request = _request(model, tensors, version)
        allowed = seconds_left(self._inference_seconds)
        allowed -= min(_MARGIN_SECONDS, allowed / 10)
        try:
            async with asyncio.timeout(allowed):
                response = await self._answered(request, allowed)
        except TimeoutError:
            raise NoAnswerError(f"Model {model!r} did not answer in {allowed:.1f} seconds.") from None
        outputs = _outputs(response)
        check_outputs(model, outputs, len(tensors["INPUT__0"]))
        self._answers[model] += 1
        return Inference(response.model_version, outputs)

    async def ready(self, model: str) -> bool:
        """Whether a canary inference passes, which may take as long as any; or others do meanwhile."""
        before = self._answers[model]
        try:
            with retried_within(_CANARY_RETRY_SECONDS):
                await self.infer(model, canary_inputs(model))
        except UnknownModelError:
            raise
        except Exception as error:
            # One that has much to do is slow, and well.
            if isinstance(error, NoAnswerError) and self._answers[model] > before:
                return True
            # Not every error has a text.
            _log.warning("the canary of %s failed: %r", model, error)
            return False
        return True

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def _answered(self, request: ModelInferRequest, seconds: float) -> ModelInferResponse:
        """Tries until there is an answer; whoever calls ends it in time."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._stub.ModelInfer(request, timeout=seconds)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise TimeoutError from None
                await self._check_retry(request, error)
                if self._on_retry is None or not may_retry():
                    raise UnavailableError(f"Model {request.model_name!r} is not served just now.") from error
            self._on_retry(request.model_name)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _check_retry(self, request: ModelInferRequest, error: grpc.aio.AioRpcError) -> None:
        """Returns where another try can help.

        Raises:
            UnknownModelError: the server does not have this model or version.
            UnavailableError: the model failed at this very input.
        """
        model, version, details = request.model_name, request.model_version, error.details() or ""
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND):
            await self._check_served(model, version)
        elif error.code() is not grpc.StatusCode.INTERNAL or "Stub process" not in details:
            _log.error("%s failed: %s %s", model, error.code().name, details[:300])
            raise UnavailableError(f"Model {model!r} failed.") from error

    async def _check_served(self, model: str, version: str) -> None:
        """Tells a model that is loading, or a server that is away, from one that is not there at all."""
        try:
            index = await self._stub.RepositoryIndex(RepositoryIndexRequest(), timeout=5)
        except grpc.aio.AioRpcError:
            return
        states = {entry.version: entry.state for entry in index.models if entry.name == model}
        if not states:
            raise UnknownModelError(
                f"No model {model!r} is served here. Whoever runs the server: `make export` makes it."
            )
        # While a model is loaded anew it has no version at all; then a named one may yet come.
        if version and "READY" in states.values() and states.get(version) != "READY":
            raise UnknownModelError(f"Model {model!r} has no version {version!r} here.")


def _request(model: str, tensors: Tensors, version: str) -> ModelInferRequest:
    request = ModelInferRequest(model_name=model, model_version=version)
    for name, tensor in tensors.items():
        request.inputs.add(name=name, datatype=_TRITON_TYPES[tensor.dtype.name], shape=tensor.shape)
        request.raw_input_contents.append(tensor.tobytes())
    return request


def _outputs(response: ModelInferResponse) -> dict[str, np.ndarray[Any, Any]]:
    """The answer's tensors.

    Raises:
        UnavailableError: bytes and shapes do not fit each other.
    """
    try:
        return {
            output.name: np.frombuffer(raw, _NUMPY_TYPES[output.datatype]).reshape(output.shape)
            for output, raw in zip(response.outputs, response.raw_output_contents, strict=True)
        }
    except (ValueError, KeyError) as error:
        raise UnavailableError(f"Model {response.model_name!r} gave an answer that cannot be read.") from error
