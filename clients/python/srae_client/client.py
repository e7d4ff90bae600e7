"""The three services as three methods. Photos travel in chunks, since gRPC's messages are smaller than a photo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Self, TypeVar

import grpc
from srae.v1 import evaluation_service_pb2 as evaluation
from srae.v1 import image_pb2 as image
from srae.v1 import protection_service_pb2 as protection
from srae.v1 import restoration_service_pb2 as restoration
from srae.v1.evaluation_service_pb2_grpc import EvaluationServiceStub
from srae.v1.protection_service_pb2_grpc import ProtectionServiceStub
from srae.v1.restoration_service_pb2_grpc import RestorationServiceStub

from srae_client import spread
from srae_client.endpoint import parse
from srae_client.errors import LocalReason, SraeClientError
from srae_client.rpc_errors import translate, unreachable

CHUNK_BYTES = 64 * 1024
#: No photo takes this long; a server that hangs would otherwise hang its caller.
DEADLINE_SECONDS = 600.0
REACH_SECONDS = 10.0

_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Protected:
    """A protected photo's file, and what is known of it; ``outcome.receipt`` is what the owner keeps."""

    image: bytes
    outcome: protection.ProtectionOutcome


#: Twice what a receipt's fit has to be.
_SURE_FIT = 10.0


@dataclass(frozen=True)
class Restored:
    """A restored photo's file, and what is known of it."""

    image: bytes
    outcome: restoration.RestorationOutcome

    @property
    def fits_surely(self) -> bool:
        """Whether the photo follows the receipt's code as no original does, by its detail alone."""
        return self.is_certain or self.outcome.receipt_fit >= _SURE_FIT

    @property
    def is_certain(self) -> bool:
        """Whether no other receipt could restore the photo better. One that the server held against it may."""
        return self.outcome.promise == image.PROMISE_BIT_EXACT or not self.outcome.HasField("receipt_fit")


class Client:
    """Talks to one server. Every method raises ``SraeClientError`` when the server refuses or cannot be reached.

    Attributes:
        address: ``host:port``, ``unix:/path``, or ``dns:///host:port`` for several servers. Anything but this computer
            is called with TLS.
    """

    def __init__(self, address: str, ca: bytes | None = None) -> None:
        """``ca``: certificates (PEM) to trust in place of the system's; calls with TLS even on this computer."""
        self.address = address
        self._channel = _open_channel(address, ca)
        self._protection = ProtectionServiceStub(self._channel)
        self._restoration = RestorationServiceStub(self._channel)
        self._evaluation = EvaluationServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection, and the calls that are still open on it."""
        self._channel.close()

    async def wait_until_reachable(self, seconds: float = REACH_SECONDS) -> None:
        """Returns once the server takes calls.

        Raises:
            SraeClientError: it does not, so long.
        """
        try:
            await asyncio.to_thread(grpc.channel_ready_future(self._channel).result, seconds)
        except grpc.FutureTimeoutError:
            raise unreachable(self.address) from None

    async def is_healthy(self, seconds: float = REACH_SECONDS) -> bool:
        """Whether every model of the server answers.

        Raises:
            SraeClientError: the server does not tell.
        """
        from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
        from grpc_health.v1.health_pb2_grpc import HealthStub

        ask = HealthStub(self._channel).Check
        try:
            answer = await asyncio.to_thread(ask, HealthCheckRequest(), seconds)
        except grpc.RpcError as error:
            raise translate(error, self.address) from error
        return bool(answer.status == HealthCheckResponse.SERVING)

    async def protect(
        self,
        data: bytes,
        tier: image.Tier.ValueType = image.TIER_UNSPECIFIED,
        mime_type: str = "",
        psnr_db: float | None = None,
        search_seconds: float | None = None,
        on_progress: Callable[[protection.ProtectionProgress], None] | None = None,
    ) -> Protected:
        """Protects a photo's file.

        Args:
            mime_type: what to encode it in; empty for the type that came in.
            psnr_db: the protected photo's PSNR, about; None for the service's default.
            search_seconds: how long to search for a code that holds for more crops; None for one round.
            on_progress: told how far it is, in a thread of its own; an older server tells nothing.
        """
        Request = protection.ProtectStreamRequest
        options = protection.ProtectOptions(
            tier=tier,
            mime_type=mime_type,
            protected_psnr_db=psnr_db,
            search_seconds=search_seconds,
            report_progress=on_progress is not None,
        )
        first = Request(options=options)
        requests = chain([first], (Request(chunk=chunk) for chunk in _chunks(data)))

        def told(answer: protection.ProtectStreamResponse) -> None:
            if on_progress is not None and answer.HasField("progress"):
                on_progress(answer.progress)

        answers = await self._call(self._protection.ProtectStream, requests, told)
        outcomes = [answer.outcome for answer in answers if answer.HasField("outcome")]
        photo = b"".join(answer.chunk for answer in answers)
        if not outcomes or not photo:
            raise self._incomplete()
        return Protected(photo, outcomes[0])

    async def restore(
        self,
        data: bytes,
        receipt: image.ProtectionReceipt | None = None,
        mime_type: str = "",
        fit_to_beat: float = 0.0,
    ) -> Restored:
        """Restores a protected photo's file. With an empty ``mime_type`` nothing is lost: see the proto.

        Args:
            fit_to_beat: of another receipt; this one is refused as another photo's where it fits no better.
        """
        Request = restoration.RestoreStreamRequest
        options = restoration.RestoreOptions(receipt=receipt, mime_type=mime_type, fit_to_beat=fit_to_beat)
        first = Request(options=options)
        requests = chain([first], (Request(chunk=chunk) for chunk in _chunks(data)))
        answers = await self._call(self._restoration.RestoreStream, requests)
        outcomes = [answer.outcome for answer in answers if answer.HasField("outcome")]
        photo = b"".join(answer.chunk for answer in answers)
        if not outcomes or not photo:
            raise self._incomplete()
        return Restored(photo, outcomes[0])

    async def evaluate(
        self, original: bytes, protected: bytes, receipt: image.ProtectionReceipt | None = None
    ) -> evaluation.EvaluateResponse:
        """What classifiers see in two files of one photo, and how well the protected one restores."""
        Request = evaluation.EvaluateStreamRequest
        requests = chain(
            [Request(options=evaluation.EvaluateOptions(receipt=receipt))],
            (Request(original_chunk=chunk) for chunk in _chunks(original)),
            (Request(protected_chunk=chunk) for chunk in _chunks(protected)),
        )
        answers = await self._call(self._evaluation.EvaluateStream, requests)
        if not answers:
            raise self._incomplete()
        return answers[0].report

    async def _call(
        self,
        method: grpc.StreamStreamMultiCallable[_Request, _Answer],
        requests: Iterator[_Request],
        told: Callable[[_Answer], None] = lambda _: None,
    ) -> list[_Answer]:
        """Sends everything, and gives all answers; told: each one as it comes.

        In a thread, on gRPC's blocking stack: its asyncio stack loses the server's reason (it says "Internal error from
        Core") whenever a server refuses before it has read the whole photo (github.com/grpc/grpc/issues/36066).
        """
        call = method(requests, timeout=DEADLINE_SECONDS)

        def taken() -> list[_Answer]:
            answers = []
            for answer in call:
                told(answer)
                answers.append(answer)
            return answers

        try:
            return await asyncio.to_thread(taken)
        except asyncio.CancelledError:
            call.cancel()
            raise
        except grpc.RpcError as error:
            raise translate(error, self.address) from error

    def _incomplete(self) -> SraeClientError:
        return SraeClientError(
            LocalReason.INCOMPLETE_ANSWER,
            f"The server at {self.address} ended its answer early. Try again; if it stays so, update the server.",
        )


def _open_channel(address: str, ca: bytes | None) -> grpc.Channel:
    endpoint = parse(address)
    options = [*spread.OPTIONS] if endpoint.is_spread else []
    if endpoint.is_local:
        options.append(("grpc.enable_http_proxy", 0))  # a proxy cannot reach this computer's own servers
        if ca is None:
            return grpc.insecure_channel(endpoint.target, options=options)
    return grpc.secure_channel(endpoint.target, grpc.ssl_channel_credentials(ca), options=options)


def _chunks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]
