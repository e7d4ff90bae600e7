"""ProtectionService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from srae.v1.image_pb2 import PROMISE_BIT_EXACT, PROMISE_NEAR, TIER_UNSPECIFIED
from srae.v1.protection_service_pb2 import (
    PROTECTION_STAGE_MEASURING,
    PROTECTION_STAGE_SEARCHING,
    PROTECTION_STAGE_WRITING,
    ProtectionOutcome,
    ProtectionProgress,
    ProtectionStage,
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
from services.imaging.threads import in_thread
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
            image, outcome = await self._protect(request.image, request.options, _tell_nobody)
        return fitting(ProtectResponse(image=image, outcome=outcome))

    async def ProtectStream(
        self, request_iterator: AsyncIterator[ProtectStreamRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[ProtectStreamResponse]:
        with self._gate.admitted():
            options, files = await receive(request_iterator, self._max_bytes)
            told: asyncio.Queue[ProtectionProgress | None] = asyncio.Queue()
            tell = told.put_nowait if options.report_progress else _tell_nobody
            work = asyncio.create_task(self._protect(files.pop("chunk", b""), options, tell))
            work.add_done_callback(lambda _: told.put_nowait(None))
            try:
                while (progress := await told.get()) is not None:
                    yield ProtectStreamResponse(progress=progress)
                image, outcome = await work
            finally:  # where the caller went away
                work.cancel()
                await asyncio.wait([work])
            yield ProtectStreamResponse(outcome=outcome)
            for chunk in split(image):
                yield ProtectStreamResponse(chunk=chunk)

    async def _protect(
        self, image: bytes, options: ProtectOptions, tell: Callable[[ProtectionProgress], None]
    ) -> tuple[bytes, ProtectionOutcome]:
        tier = _tier(options)
        strength_db = _strength_db(options)
        codec.check_output(options.mime_type)
        progress = _Progress(tell)
        search = pipeline.Search(_search_seconds(options, tier), on_round=progress.searched)
        async with self._gate.turn:
            original = await decoded(image)
            del image  # at 50 megapixels, each photo in memory counts, and so does each file
            codec.check_output(options.mime_type or original.traits.mime_type, original)
            receipt = await pipeline.find_code(original, tier, self._backend, strength_db, search)
            progress.reached(PROTECTION_STAGE_WRITING)
            written = await in_thread(pipeline.write, original, receipt, options.mime_type)
            encoded = written.file
            receipt = await in_thread(written.receipt.of_file, encoded.data)
            original = original.with_pixels(original.pixels)  # lets its file go
            progress.reached(PROTECTION_STAGE_MEASURING)
            # Every figure is measured on the file that goes out, not on pixels that an encoding may have changed.
            returned = await in_thread(codec.decode, encoded.data)
            restored = original
            if not written.restores:
                restored = (await pipeline.restore(returned, receipt, self._backend, is_own=True)).photo
            made_with = pipeline.MADE_WITH[tier]
            measured = await report.evaluate(original, returned, restored, self._backend, made_with)
        return encoded.data, ProtectionOutcome(
            mime_type=encoded.mime_type,
            receipt=receipts.to_wire(receipt),
            promise=PROMISE_BIT_EXACT if measured.is_bit_exact else PROMISE_NEAR,
            protected_psnr_db=measured.protected_psnr_db,
            restored_psnr_db=measured.restored_psnr_db,
            views=[views.to_wire(view) for view in measured.views],
            width=returned.width,
            height=returned.height,
            original_bits=original.traits.bits,
        )


class _Progress:
    """Tells the caller which stage is reached, and how many rounds of the search were made."""

    def __init__(self, tell: Callable[[ProtectionProgress], None]) -> None:
        self._tell = tell
        self._rounds = 0

    def searched(self, rounds: int) -> None:
        self._rounds = rounds
        self.reached(PROTECTION_STAGE_SEARCHING)

    def reached(self, stage: ProtectionStage.ValueType) -> None:
        self._tell(ProtectionProgress(stage=stage, rounds=self._rounds))


def _tell_nobody(_: ProtectionProgress) -> None:
    """Where nobody asked how far it is."""


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


def _search_seconds(options: ProtectOptions, tier: Tier) -> float:
    if not options.HasField("search_seconds"):
        return 0.0
    asked, field, longest = options.search_seconds, "options.search_seconds", pipeline.LONGEST_SEARCH_SECONDS
    if tier is not Tier.SEALED:
        raise InvalidRequestError(
            Reason.INVALID_OPTION, "Only the sealed tier searches. Choose it, or leave the time out.", field
        )
    if not 0.0 <= asked <= longest:  # not a number is refused too
        raise InvalidRequestError(Reason.INVALID_OPTION, f"A search takes from 0 to {longest:g} seconds.", field)
    return asked
