"""What surrounds every call of the three services: a request id, errors as statuses, a log line, metrics.

Health and reflection are left alone: they answer as their own standards say, and probes would drown the log.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from services.errors import InvalidRequestError, Reason
from services.inference.deadline import seconds_left, within
from services.rpc import chunks, photos, tracing
from services.rpc.metrics import Metrics
from services.rpc.status import CODES, reason_of, status_of

_PACKAGE = "/srae.v1."
#: Codes of what the operator must look into, and so needs the traceback of.
_OURS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE)
#: By so many seconds gRPC may find that a call's time is up before we do.
_CLOCKS_DIFFER = 0.05
_log = logging.getLogger(__name__)

# Generic in gRPC's stubs, not at run time.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

#: How gRPC wraps a behaviour, by (request_streaming, response_streaming).
_WRAPPERS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps the handlers of all four kinds. gRPC hands over raw bytes, so unreadable messages are ours to answer."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        # There is no handler for an unknown method; gRPC answers UNIMPLEMENTED.
        if handler is None or not method.startswith(_PACKAGE):
            return handler

        async def respond(request: Any, context: Context) -> bytes | None:
            call = _Call(method, handler, self._metrics)
            photos.received.set(call.photos)
            patience = context.time_remaining()
            with within(math.inf if patience is None else patience):
                async with call.watched(context):
                    with tracing.span(method, {"rpc.system": "grpc"}):
                        return await call.respond(request, context)

        return _WRAPPERS[handler.request_streaming, handler.response_streaming](respond)


class _Call:
    """One call, and what the log and the metrics tell of it."""

    def __init__(self, method: str, handler: Handler, metrics: Metrics) -> None:
        self._method = method
        self._handler = handler
        self._metrics = metrics
        self._id = uuid.uuid4().hex
        self._code = grpc.StatusCode.OK
        self._reason = ""
        self._bytes = {"in": 0, "out": 0}
        self.photos = photos.Received()

    @asynccontextmanager
    async def watched(self, context: Context) -> AsyncIterator[None]:
        """Around the call: turns exceptions into statuses, and leaves a trace of how it ended."""
        started = time.monotonic()
        with self._metrics.in_flight.labels(self._method).track_inprogress():
            try:
                yield
            except asyncio.CancelledError as error:
                # gRPC cancels a call whose caller went away, and one whose time is up: by a clock of its own.
                is_late = seconds_left() < _CLOCKS_DIFFER
                self._code = grpc.StatusCode.DEADLINE_EXCEEDED if is_late else grpc.StatusCode.CANCELLED
                _let_go(error)
                raise
            except Exception as error:
                if reason_of(error) == Reason.MODEL_UNAVAILABLE and seconds_left() == 0.0:
                    # The caller did not wait for the model, and nobody reads an answer.
                    self._code = grpc.StatusCode.DEADLINE_EXCEEDED
                    _let_go(error)
                    raise asyncio.CancelledError from None
                self._reason = reason_of(error)
                self._code = CODES[reason_of(error)]
                if self._code in _OURS:
                    _log.exception("the service failed", extra={"fields": {"request_id": self._id}})
                status = rpc_status.to_status(status_of(error, self._id))
                _let_go(error)
                await context.abort(status.code, status.details, status.trailing_metadata)
            finally:
                self._record(time.monotonic() - started)

    async def respond(self, request: Any, context: Context) -> bytes | None:
        """Runs the behaviour between raw bytes and raw bytes. Streamed answers are written from here."""
        handler = self._handler
        behaviour: Any = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        asked = self._messages(request) if handler.request_streaming else self._read_unary(request)
        if not handler.response_streaming:
            return self._write(await behaviour(asked, context))
        async with aclosing(behaviour(asked, context)) as answers:
            async for answer in answers:
                await _send(self._write(answer), context)
        return None

    async def _messages(self, requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for request in requests:
            yield self._read(request)

    def _read_unary(self, request: bytes) -> Any:
        chunks.check_unary(request)
        return self._read(request)

    def _read(self, request: bytes) -> Any:
        self._bytes["in"] += len(request)
        try:
            return self._handler.request_deserializer(request)  # type: ignore[misc]
        except DecodeError:
            raise InvalidRequestError(
                Reason.INVALID_OPTION, f"A message to {self._method} is unreadable. Build it from srae.v1's protos."
            ) from None

    def _write(self, answer: Any) -> bytes:
        message: bytes = self._handler.response_serializer(answer)  # type: ignore[misc]
        self._bytes["out"] += len(message)
        return message

    def _record(self, seconds: float) -> None:
        self._metrics.calls.labels(self._method, self._code.name, self._reason).inc()
        self._metrics.seconds.labels(self._method).observe(seconds)
        for direction, count in self._bytes.items():
            self._metrics.bytes.labels(self._method, direction).inc(count)
        self._metrics.images.labels(self._method).inc(self.photos.images)
        self._metrics.pixels.labels(self._method).inc(self.photos.pixels)
        fields = {
            "method": self._method,
            "request_id": self._id,
            "code": self._code.name,
            "reason": self._reason,
            "duration_ms": round(1000 * seconds, 1),
            "bytes_in": self._bytes["in"],
            "bytes_out": self._bytes["out"],
            "images": self.photos.images,
            "pixels": self.photos.pixels,
        }
        _log.info("call", extra={"fields": fields})


def _let_go(error: BaseException) -> None:
    """Forgets what the functions held that an error came through: photos, until the garbage collector comes by."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    for found in todo:
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            traceback.clear_frames(found.__traceback__)
            todo += [found.__cause__, found.__context__]


async def _send(message: bytes, context: Context) -> None:
    try:
        async with asyncio.timeout(chunks.STALL_SECONDS):
            await context.write(message)
    except TimeoutError:
        # A status would have to wait behind the message that is not read. What counts is to give the place back.
        raise asyncio.CancelledError from None
