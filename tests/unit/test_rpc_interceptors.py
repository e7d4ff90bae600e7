"""What surrounds a call: how it is counted where the caller did not wait for it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc
import pytest

from services.errors import Reason, UnavailableError
from services.inference.deadline import within
from services.rpc.interceptors import _Call
from services.rpc.metrics import Metrics

METHOD = "/srae.v1.ProtectionService/Protect"


class Aborted(Exception):
    """As gRPC ends a call."""


class Context:
    async def abort(self, *_: object) -> None:
        raise Aborted


@pytest.mark.parametrize(
    ("patience", "raised", "code"),
    [(0.0, asyncio.CancelledError, grpc.StatusCode.DEADLINE_EXCEEDED), (60.0, Aborted, grpc.StatusCode.UNAVAILABLE)],
)
async def test_a_caller_who_did_not_wait_is_no_failure_of_the_service(
    patience: float, raised: type[BaseException], code: grpc.StatusCode, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics()
    handler: Any = None
    call = _Call(METHOD, handler, metrics)
    context: Any = Context()
    with caplog.at_level(logging.ERROR), within(patience), pytest.raises(raised):
        async with call.watched(context):
            raise UnavailableError("Model 'refiner' did not answer in time.")
    assert bool(caplog.records) is (code is grpc.StatusCode.UNAVAILABLE)
    reason = Reason.MODEL_UNAVAILABLE if code is grpc.StatusCode.UNAVAILABLE else ""
    assert metrics.calls.labels(METHOD, code.name, reason)._value.get() == 1
