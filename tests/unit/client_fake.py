"""A server with canned answers, for the client's tests. What the photo's bytes begin with decides the answer."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from srae.v1.evaluation_service_pb2 import EvaluateResponse, EvaluateStreamRequest, EvaluateStreamResponse
from srae.v1.evaluation_service_pb2_grpc import EvaluationServiceServicer, add_EvaluationServiceServicer_to_server
from srae.v1.image_pb2 import (
    PROMISE_BIT_EXACT,
    PROMISE_NEAR,
    PROMISE_UNSPECIFIED,
    TIER_SEALED,
    ClassifierView,
    PerturbationCode,
    Prediction,
    Promise,
    ProtectionReceipt,
)
from srae.v1.protection_service_pb2 import (
    PROTECTION_STAGE_SEARCHING,
    ProtectionOutcome,
    ProtectionProgress,
    ProtectStreamRequest,
    ProtectStreamResponse,
)
from srae.v1.protection_service_pb2_grpc import ProtectionServiceServicer, add_ProtectionServiceServicer_to_server
from srae.v1.restoration_service_pb2 import RestorationOutcome, RestoreStreamRequest, RestoreStreamResponse
from srae.v1.restoration_service_pb2_grpc import RestorationServiceServicer, add_RestorationServiceServicer_to_server

PREFIX = b"protected:"
#: The files' fields, by those of their chunks.
FIELDS = {"chunk": "image", "original_chunk": "original", "protected_chunk": "protected_photo"}
#: First bytes that make the server refuse or fail.
BAD, BUSY_ONCE, CUT_OFF, UNEXPLAINED, UNCHANGED = b"bad", b"busy", b"cut", b"crash", b"same"
#: A file of 16 bits a channel.
WIDE = b"wide"
#: The first is refused before the rest is read; the second is never answered.
EARLY, HANGING = b"early", b"hang"
#: Protected photos that carry their own code: one as it was made, one that was changed since.
CARRYING, CHANGED = b"carrying:", b"changed:"
#: Whose restore is refused with any receipt: it is another photo's.
OTHER = b"other:"
#: A protected photo that a classifier which was not used in making still answers as before.
SEEN_THROUGH = b"seen:"


def receipt() -> ProtectionReceipt:
    return ProtectionReceipt(
        tier=TIER_SEALED,
        model="refiner",
        model_version="1",
        original_sha256=bytes(range(32)),
        code=PerturbationCode(levels=bytes(12), rows=2, columns=2),
    )


def view(changed: bool = True, classifier: str = "lite0", used: bool = True) -> ClassifierView:
    return ClassifierView(
        classifier=classifier,
        original=Prediction(label="tabby", confidence=0.75),
        protected_photo=Prediction(label="toaster" if changed else "tabby", confidence=0.5),
        is_protected=changed,
        was_used_in_making=used,
    )


@dataclass
class Fake(ProtectionServiceServicer, RestorationServiceServicer, EvaluationServiceServicer):
    """Keeps what it was sent."""

    address: str
    options: list[Any] = field(default_factory=list)
    chunk_sizes: list[int] = field(default_factory=list)
    refused: set[bytes] = field(default_factory=set)
    was_reached: threading.Event = field(default_factory=threading.Event)
    was_cancelled: threading.Event = field(default_factory=threading.Event)

    def _receive(self, requests: Iterator[Any], context: grpc.ServicerContext) -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        for request in requests:
            part = request.WhichOneof("part")
            if part == "options":
                self.options.append(request.options)
                continue
            chunk = getattr(request, part)
            self.chunk_sizes.append(len(chunk))
            if chunk.startswith(EARLY):
                info = ErrorInfo(reason="PAYLOAD_TOO_LARGE", domain="srae")
                abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "Too large. Send a smaller file.", info)
            files[part] = files.get(part, b"") + chunk
        for name, data in files.items():
            self._refuse(name, data, context)
        return files

    def _refuse(self, name: str, data: bytes, context: grpc.ServicerContext) -> None:
        if data.startswith(BAD):
            violation = BadRequest.FieldViolation(field=FIELDS[name])
            details = ErrorInfo(reason="NOT_AN_IMAGE", domain="srae"), BadRequest(field_violations=[violation])
            abort(context, grpc.StatusCode.INVALID_ARGUMENT, "This is no photo. Give a photo.", *details)
        if data.startswith(BUSY_ONCE) and data not in self.refused:
            self.refused.add(data)
            details = ErrorInfo(reason="OVERLOADED", domain="srae"), RetryInfo()
            abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "Busy. Try again.", *details)
        if data.startswith(HANGING):
            context.add_callback(self.was_cancelled.set)
            self.was_reached.set()
            self.was_cancelled.wait()
        if data.startswith(UNEXPLAINED):
            context.abort(grpc.StatusCode.INTERNAL, "boom")

    def ProtectStream(
        self, request_iterator: Iterator[ProtectStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[ProtectStreamResponse]:
        data = (self._receive(request_iterator, context))["chunk"]
        if self.options[-1].report_progress:
            for rounds in (1, 2):
                progress = ProtectionProgress(stage=PROTECTION_STAGE_SEARCHING, rounds=rounds)
                yield ProtectStreamResponse(progress=progress)
        yield ProtectStreamResponse(
            outcome=ProtectionOutcome(
                mime_type=self.options[-1].mime_type or "image/png",
                receipt=receipt(),
                promise=PROMISE_NEAR if self.options[-1].mime_type == "image/webp" else PROMISE_BIT_EXACT,
                protected_psnr_db=42.5,
                restored_psnr_db=math.inf,
                views=[view(changed=not data.startswith(UNCHANGED))],
                width=4,
                height=3,
                original_bits=16 if data.startswith(WIDE) else 8,
            )
        )
        if not data.startswith(CUT_OFF):
            for chunk in _split(PREFIX + data):
                yield ProtectStreamResponse(chunk=chunk)

    def RestoreStream(
        self, request_iterator: Iterator[RestoreStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[RestoreStreamResponse]:
        data = (self._receive(request_iterator, context))["chunk"]
        has_receipt = self.options[-1].HasField("receipt")
        if has_receipt and data.startswith(OTHER):
            info = ErrorInfo(reason="RECEIPT_MISMATCH", domain="srae")
            abort(context, grpc.StatusCode.INVALID_ARGUMENT, "Another photo's. Use its own.", info)
        promise = _promise(data, has_receipt)
        outcome = RestorationOutcome(mime_type="image/png", promise=promise, tier=TIER_SEALED, width=4, height=3)
        yield RestoreStreamResponse(outcome=outcome)
        for chunk in _split(data.removeprefix(PREFIX)):
            yield RestoreStreamResponse(chunk=chunk)

    def EvaluateStream(
        self, request_iterator: Iterator[EvaluateStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[EvaluateStreamResponse]:
        files = self._receive(request_iterator, context)
        changed = files["original_chunk"] != files["protected_chunk"]
        unseen = view(changed and not files["protected_chunk"].startswith(SEEN_THROUGH), "lite2", used=False)
        report = EvaluateResponse(
            views=[view(changed), unseen],
            protected_psnr_db=40.0,
            restored_psnr_db=math.inf,
            is_bit_exact=True,
            is_protected=changed,
        )
        yield EvaluateStreamResponse(report=report)

    Protect = Restore = Evaluate = None  # type: ignore[assignment]  # photos always stream


def _promise(data: bytes, has_receipt: bool) -> Promise.ValueType:
    if data.startswith(CARRYING) or (data.startswith(PREFIX) and has_receipt):
        return PROMISE_BIT_EXACT
    return PROMISE_NEAR if data.startswith(CHANGED) or has_receipt else PROMISE_UNSPECIFIED


def _split(data: bytes) -> list[bytes]:
    return [data[start : start + 65536] for start in range(0, len(data), 65536)]


def abort(context: grpc.ServicerContext, code: grpc.StatusCode, message: str, *details: Message) -> None:
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, message)


@contextmanager
def running(folder: Path) -> Iterator[Fake]:
    """A fake on a socket in a folder."""
    fake = Fake(f"unix:{folder}/fake.sock")
    server = grpc.server(ThreadPoolExecutor(4))
    add_ProtectionServiceServicer_to_server(fake, server)
    add_RestorationServiceServicer_to_server(fake, server)
    add_EvaluationServiceServicer_to_server(fake, server)
    server.add_insecure_port(fake.address)
    server.start()
    try:
        yield fake
    finally:
        server.stop(None).wait()
