"""RestorationService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from srae.v1.image_pb2 import PROMISE_BIT_EXACT, PROMISE_NEAR, PROMISE_UNSPECIFIED
from srae.v1.restoration_service_pb2 import (
    RestorationOutcome,
    RestoreOptions,
    RestoreRequest,
    RestoreResponse,
    RestoreStreamRequest,
    RestoreStreamResponse,
)
from srae.v1.restoration_service_pb2_grpc import RestorationServiceServicer

from services.imaging import codec, pipeline
from services.imaging.threads import in_thread
from services.inference.backend import Backend
from services.rpc import receipts
from services.rpc.chunks import fitting, receive, split
from services.rpc.gate import Gate
from services.rpc.photos import decoded

#: What did not come back as its own JPEG is written losslessly unless asked otherwise, or a bit-exact restoration would
#: be lost on its way out.
_DEFAULT_MIME_TYPE = "image/png"


class RestorationServicer(RestorationServiceServicer):
    """Gives originals back."""

    def __init__(self, backend: Backend, gate: Gate, max_bytes: int) -> None:
        self._backend = backend
        self._gate = gate
        self._max_bytes = max_bytes

    async def Restore(self, request: RestoreRequest, context: grpc.aio.ServicerContext[Any, Any]) -> RestoreResponse:
        with self._gate.admitted():
            image, outcome = await self._restore(request.image, request.options)
        return fitting(RestoreResponse(image=image, outcome=outcome))

    async def RestoreStream(
        self, request_iterator: AsyncIterator[RestoreStreamRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[RestoreStreamResponse]:
        with self._gate.admitted():
            options, files = await receive(request_iterator, self._max_bytes)
            image, outcome = await self._restore(files.pop("chunk", b""), options)
            yield RestoreStreamResponse(outcome=outcome)
            for chunk in split(image):
                yield RestoreStreamResponse(chunk=chunk)

    async def _restore(self, image: bytes, options: RestoreOptions) -> tuple[bytes, RestorationOutcome]:
        receipt = receipts.from_wire(options.receipt) if options.HasField("receipt") else None
        codec.check_output(options.mime_type)
        async with self._gate.turn:
            photo = await decoded(image)
            is_own = receipt is not None and await in_thread(receipt.is_of, image)
            del image  # at 50 megapixels, each photo in memory counts, and so does each file
            codec.check_output(options.mime_type, photo)
            restored = await pipeline.restore(photo, receipt, self._backend, is_own, options.fit_to_beat)
            del photo
            if restored.file is not None and options.mime_type in ("", restored.file.mime_type):
                encoded = restored.file
            else:
                encoded = await in_thread(codec.encode, restored.photo, options.mime_type or _DEFAULT_MIME_TYPE)
        if restored.is_bit_exact is None:
            promise = PROMISE_UNSPECIFIED
        else:
            promise = PROMISE_BIT_EXACT if restored.is_bit_exact and encoded.lossless else PROMISE_NEAR
        return encoded.data, RestorationOutcome(
            mime_type=encoded.mime_type,
            promise=promise,
            tier=receipts.TIERS_ON_WIRE[restored.tier],
            width=restored.photo.width,
            height=restored.photo.height,
            receipt_fit=restored.receipt_fit,
        )
