"""What the Triton backend makes of a server that is slow, or not there. Real ones: tests/contract/test_faults.py."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator

import grpc
import numpy as np
import pytest
from tritonclient.grpc.service_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    RepositoryIndexRequest,
    RepositoryIndexResponse,
)
from tritonclient.grpc.service_pb2_grpc import (
    GRPCInferenceServiceServicer,
    add_GRPCInferenceServiceServicer_to_server,
)

from services.errors import UnavailableError, UnknownModelError
from services.inference.canary import canary_inputs
from services.inference.deadline import retried_within
from services.inference.triton import TritonBackend

MODEL = "recoverer"
CANARY = canary_inputs(MODEL)
Context = grpc.aio.ServicerContext


class Held(GRPCInferenceServiceServicer):
    """Has one model, which answers at once, except for the first requests, which it keeps."""

    def __init__(self) -> None:
        self.kept = 0

    async def RepositoryIndex(self, request: RepositoryIndexRequest, context: Context) -> RepositoryIndexResponse:
        return RepositoryIndexResponse(models=[{"name": MODEL, "version": "1", "state": "READY"}])

    async def ModelInfer(self, request: ModelInferRequest, context: Context) -> ModelInferResponse:
        if request.model_name != MODEL:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown model")
        if self.kept > 0:
            self.kept -= 1
            await asyncio.sleep(60)
        answer = ModelInferResponse(model_name=request.model_name, model_version="1")
        answer.outputs.add(name="OUTPUT__0", datatype="INT8", shape=[1, 3, 56, 56])
        answer.raw_output_contents.append(np.zeros((3, 56, 56), np.int8).tobytes())
        return answer


@pytest.fixture
async def held() -> AsyncIterator[tuple[Held, str]]:
    server, servicer = grpc.aio.server(), Held()
    add_GRPCInferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(0)


async def test_a_canary_may_take_as_long_as_an_inference(
    held: tuple[Held, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = []
    real = asyncio.timeout

    def timeout(seconds: float) -> asyncio.Timeout:
        limits.append(seconds)
        return real(seconds)

    monkeypatch.setattr(asyncio, "timeout", timeout)
    backend = TritonBackend(held[1], inference_seconds=30.0)
    assert await backend.ready(MODEL)
    await backend.close()
    assert min(limits) > 29.0


async def test_a_canary_without_an_answer_counts_where_the_model_answers_others(held: tuple[Held, str]) -> None:
    servicer, url = held
    backend = TritonBackend(url, inference_seconds=1.0)
    servicer.kept = 1
    canary = asyncio.create_task(backend.ready(MODEL))
    await asyncio.sleep(0.3)
    await backend.infer(MODEL, CANARY)
    assert await canary

    servicer.kept = 1
    assert not await backend.ready(MODEL), "what it answered before is no sign of life"
    await backend.close()


async def test_a_canary_tells_a_model_that_is_not_there_from_one_that_fails(held: tuple[Held, str]) -> None:
    backend = TritonBackend(held[1])
    with pytest.raises(UnknownModelError):
        await backend.ready("protector")
    await backend.close()


async def test_the_log_says_what_a_canary_failed_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    backend = TritonBackend("127.0.0.1:1")

    async def infer(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(backend, "infer", infer)
    with caplog.at_level(logging.WARNING):
        assert not await backend.ready(MODEL)
    assert "TimeoutError" in caplog.text
    await backend.close()


async def test_a_refused_connection_is_tried_again_for_as_long_as_it_may() -> None:
    tries = []
    backend = TritonBackend("127.0.0.1:1", on_retry=tries.append)
    started = time.monotonic()
    with pytest.raises(UnavailableError), retried_within(0.3):
        await backend.infer(MODEL, CANARY)
    assert time.monotonic() - started < 2.0
    assert 2 <= len(tries) <= 4
    await backend.close()
