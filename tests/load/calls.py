"""The three services as calls that can be made again and again: every request is built once, before anything is timed.

Unary calls go through gRPC's asyncio stack. Streams go through its blocking stack, in threads, as `srae_client` sends
them: the asyncio stack loses the reason of a server that refuses before everything is sent, and nearly every refusal of
an overloaded one would be counted as "Internal error from Core" (github.com/grpc/grpc/issues/36066).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status
from srae.v1 import evaluation_service_pb2 as ev
from srae.v1 import image_pb2 as im
from srae.v1 import protection_service_pb2 as pr
from srae.v1 import restoration_service_pb2 as re

from tests.load.photos import photo

CHUNK_BYTES = 64 * 1024
TIERS = {"sealed": im.TIER_SEALED, "one-pass": im.TIER_ONE_PASS}
SERVICES = ("protect", "restore", "evaluate")
_PREPARE_SECONDS = 120.0
_STREAMS = 512
_METHODS = {
    "protect": ("/srae.v1.ProtectionService/Protect", pr.ProtectResponse, pr.ProtectStreamResponse),
    "restore": ("/srae.v1.RestorationService/Restore", re.RestoreResponse, re.RestoreStreamResponse),
    "evaluate": ("/srae.v1.EvaluationService/Evaluate", ev.EvaluateResponse, ev.EvaluateStreamResponse),
}


class IncompleteAnswerError(Exception):
    """The server said OK and left the photo or its figures out."""


@dataclass(frozen=True)
class Kind:
    """What is asked for. width: of the photo, in pixels."""

    service: str
    tier: str
    width: int
    is_stream: bool = False

    def __str__(self) -> str:
        return f"{self.service} {self.tier} {self.width}{' stream' if self.is_stream else ''}"


@dataclass(frozen=True)
class Material:
    """A photo, and what protecting it gave."""

    original: bytes
    protected: bytes
    receipt: im.ProtectionReceipt


@dataclass(frozen=True)
class Connection:
    """The way to one server, or to several that calls are spread over.

    Attributes:
        threads: for streams; more than calls can be under way, or calls would wait here, where no clock sees them.
    """

    unary: grpc.aio.Channel
    streams: grpc.Channel
    threads: ThreadPoolExecutor


@asynccontextmanager
async def connected(target: str, options: Sequence[tuple[str, str | int]] = ()) -> AsyncIterator[Connection]:
    """A connection without TLS, for as long as the context lasts."""
    with ThreadPoolExecutor(_STREAMS, "stream") as threads, grpc.insecure_channel(target, options) as streams:
        async with grpc.aio.insecure_channel(target, options) as unary:
            yield Connection(unary, streams, threads)


class Call:
    """One request, ready to be sent any number of times."""

    def __init__(self, connection: Connection, kind: Kind, material: Material) -> None:
        self.kind = kind
        method, answer, part = _METHODS[kind.service]
        self.request = request_of(kind, material)
        self._parts = list(_parts(kind, self.request))
        self._threads = connection.threads
        self._unary = connection.unary.unary_unary(method, type(self.request).SerializeToString, answer.FromString)
        self._stream = connection.streams.stream_stream(
            f"{method}Stream", type(self._parts[0]).SerializeToString, part.FromString
        )

    async def make(self, seconds: float) -> list[Any]:
        """Makes the call and waits for the whole answer, at most so long: one message, or those of a stream.

        Raises:
            grpc.RpcError: it was refused.
            IncompleteAnswerError: the answer lacks something.
        """
        if self.kind.is_stream:
            call = self._stream(iter(self._parts), timeout=seconds)
            answers = await asyncio.get_running_loop().run_in_executor(self._threads, list, call)
        else:
            answers = [await self._unary(self.request, timeout=seconds)]
        _check(self.kind, answers)
        return answers


async def prepared(connection: Connection, kinds: Sequence[Kind]) -> list[Call]:
    """The calls, with the protected photos and receipts that some of them need made by the server itself."""
    materials: dict[tuple[str, int], Material] = {}
    for tier, width in dict.fromkeys((kind.tier, kind.width) for kind in kinds):
        original = photo(width)
        protect = Call(connection, Kind("protect", tier, width, True), Material(original, b"", im.ProtectionReceipt()))
        answers = await protect.make(_PREPARE_SECONDS)
        receipt = next(answer.outcome.receipt for answer in answers if answer.HasField("outcome"))
        materials[tier, width] = Material(original, b"".join(answer.chunk for answer in answers), receipt)
    return [Call(connection, kind, materials[kind.tier, kind.width]) for kind in kinds]


def reason_of(error: grpc.RpcError) -> str:
    """The code and, where the server gave one, its reason."""
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = ErrorInfo()
        if detail.Unpack(info):
            return f"{error.code().name} {info.reason}"
    return error.code().name


def request_of(kind: Kind, material: Material) -> Any:
    """The unary request."""
    if kind.service == "protect":
        return pr.ProtectRequest(image=material.original, options=pr.ProtectOptions(tier=TIERS[kind.tier]))
    if kind.service == "restore":
        return re.RestoreRequest(image=material.protected, options=re.RestoreOptions(receipt=material.receipt))
    options = ev.EvaluateOptions(receipt=material.receipt)
    return ev.EvaluateRequest(original=material.original, protected_photo=material.protected, options=options)


def _parts(kind: Kind, request: Any) -> Iterator[Message]:
    """The same request as the messages of a stream."""
    if kind.service == "evaluate":
        yield ev.EvaluateStreamRequest(options=request.options)
        yield from (ev.EvaluateStreamRequest(original_chunk=chunk) for chunk in _chunks(request.original))
        yield from (ev.EvaluateStreamRequest(protected_chunk=chunk) for chunk in _chunks(request.protected_photo))
        return
    Part: Any = pr.ProtectStreamRequest if kind.service == "protect" else re.RestoreStreamRequest
    yield Part(options=request.options)
    yield from (Part(chunk=chunk) for chunk in _chunks(request.image))


def _chunks(file: bytes) -> Iterator[bytes]:
    return (file[start : start + CHUNK_BYTES] for start in range(0, len(file), CHUNK_BYTES))


def _check(kind: Kind, answers: Sequence[Any]) -> None:
    if kind.service == "evaluate":
        is_whole = any((answer.report if kind.is_stream else answer).views for answer in answers)
    elif kind.is_stream:
        is_whole = any(answer.HasField("outcome") for answer in answers) and any(answer.chunk for answer in answers)
    else:
        is_whole = all(answer.HasField("outcome") and answer.image for answer in answers)
    if not is_whole:
        raise IncompleteAnswerError(str(kind))
