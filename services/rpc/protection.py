"""ProtectionService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from srae.v1.image_pb2 import PROMISE_BIT_EXACT, PROMISE_NEAR, TIER_UNSPECIFIED
from srae.v1.protection_service_pb2 import (
    ProtectionOutcome,
    ProtectOptions,
    ProtectRequest,
    ProtectResponse,
    ProtectStreamRequest,
    ProtectStreamResponse,
)
from srae.v1.protection_service_pb2_grpc import ProtectionServiceServicer

from services.errors import InvalidRequestError, Reason
from services.evaluation import report
from services.imaging import codec, pipeline
from services.imaging.receipt import Tier
from services.inference.backend import Backend
from services.rpc import receipts, views
from services.rpc.chunks import fitting, receive, split
from services.rpc.gate import Gate
from services.rpc.photos import decoded


class ProtectionServicer(ProtectionServiceServicer):
    """Makes protected photos."""

    def __init__(self, backend: Backend, gate: Gate, max_bytes: int) -> None:
        self._backend = backend
        self._gate = gate
        self._max_bytes = max_bytes

    async def Protect(self, request: ProtectRequest, context: grpc.aio.ServicerContext[Any, Any]) -> ProtectResponse:
        with self._gate.admitted():
            image, outcome = await self._protect(request.image, request.options)
        return fitting(ProtectResponse(image=image, outcome=outcome))

    async def ProtectStream(
        self, request_iterator: AsyncIterator[ProtectStreamRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[ProtectStreamResponse]:
        with self._gate.admitted():
            options, files = await receive(request_iterator, self._max_bytes)
            image, outcome = await self._protect(files["chunk"], options)
            yield ProtectStreamResponse(outcome=outcome)
            for chunk in split(image):
                yield ProtectStreamResponse(chunk=chunk)

    async def _protect(self, image: bytes, options: ProtectOptions) -> tuple[bytes, ProtectionOutcome]:
        tier = _tier(options)
        strength_db = _strength_db(options)
        async with self._gate.turn:
            original = await decoded(image)
            protected = await pipeline.protect(original, tier, self._backend, strength_db)
            receipt = protected.receipt
            encoded = await asyncio.to_thread(codec.encode, protected.photo, options.mime_type)
            del protected  # at 50 megapixels, each photo in memory counts
            # Every figure is measured on the file that goes out, not on pixels that an encoding may have changed.
            returned = await asyncio.to_thread(codec.decode, encoded.data)
            restored = await pipeline.restore(returned, receipt, self._backend, is_own=True)
            made_with = pipeline.MADE_WITH[tier]
            measured = await report.evaluate(original, returned, restored.photo, self._backend, made_with)
        return encoded.data, ProtectionOutcome(
            mime_type=encoded.mime_type,
            receipt=receipts.to_wire(receipt),
            promise=PROMISE_BIT_EXACT if measured.is_bit_exact else PROMISE_NEAR,
            protected_psnr_db=measured.protected_psnr_db,
            restored_psnr_db=measured.restored_psnr_db,
            views=[views.to_wire(view) for view in measured.views],
            width=returned.width,
            height=returned.height,
        )


def _tier(options: ProtectOptions) -> Tier:
    if options.tier == TIER_UNSPECIFIED:
        return Tier.SEALED
    if options.tier not in receipts.TIERS:
        raise InvalidRequestError(
            Reason.INVALID_OPTION, f"There is no tier {options.tier}. Choose one-pass or sealed.", "options.tier"
        )
    return receipts.TIERS[options.tier]


def _strength_db(options: ProtectOptions) -> float | None:
    if not options.HasField("protected_psnr_db"):
        return None
    asked, field = options.protected_psnr_db, "options.protected_psnr_db"
    if not pipeline.STRONGEST_DB <= asked <= pipeline.WEAKEST_DB:  # not a number is refused too
        raise InvalidRequestError(
            Reason.INVALID_OPTION,
            f"A strength lies from {pipeline.STRONGEST_DB:g} (strong) to {pipeline.WEAKEST_DB:g} dB (weak).",
            field,
        )
    return asked
