"""EvaluationService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from srae.v1.evaluation_service_pb2 import (
    EvaluateOptions,
    EvaluateRequest,
    EvaluateResponse,
    EvaluateStreamRequest,
    EvaluateStreamResponse,
)
from srae.v1.evaluation_service_pb2_grpc import EvaluationServiceServicer

from services.evaluation import metrics, report
from services.imaging import pipeline
from services.imaging.threads import in_thread
from services.inference.backend import CLASSIFIER_SIDES, Backend
from services.rpc import receipts, views
from services.rpc.chunks import receive
from services.rpc.gate import Gate
from services.rpc.photos import decoded


class EvaluationServicer(EvaluationServiceServicer):
    """Measures protected photos against their originals."""

    def __init__(self, backend: Backend, gate: Gate, max_bytes: int) -> None:
        self._backend = backend
        self._gate = gate
        self._max_bytes = max_bytes

    async def Evaluate(self, request: EvaluateRequest, context: grpc.aio.ServicerContext[Any, Any]) -> EvaluateResponse:
        with self._gate.admitted():
            return await self._evaluate(request.original, request.protected_photo, request.options)

    async def EvaluateStream(
        self, request_iterator: AsyncIterator[EvaluateStreamRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[EvaluateStreamResponse]:
        with self._gate.admitted():
            options, files = await receive(request_iterator, self._max_bytes)
            answer = await self._evaluate(files.pop("original_chunk", b""), files.pop("protected_chunk", b""), options)
            yield EvaluateStreamResponse(report=answer)

    async def _evaluate(self, original: bytes, protected: bytes, options: EvaluateOptions) -> EvaluateResponse:
        receipt = receipts.from_wire(options.receipt) if options.HasField("receipt") else None
        async with self._gate.turn:
            photos = await decoded(original, "original"), await decoded(protected, "protected_photo")
            is_own = receipt is not None and await in_thread(receipt.is_of, protected)
            del original, protected  # at 50 megapixels, each file in memory counts
            report.check_pair(*photos)
            restored = await pipeline.restore(photos[1], receipt, self._backend, is_own)
            made_with = pipeline.MADE_WITH[restored.tier]
            measured = await report.evaluate(
                *photos, restored.photo, self._backend, made_with, others=tuple(CLASSIFIER_SIDES)
            )
            similarity = await in_thread(metrics.ssim, *(photo.pixels for photo in photos))
        return EvaluateResponse(
            views=[views.to_wire(view) for view in measured.views],
            protected_psnr_db=measured.protected_psnr_db,
            protected_ssim=similarity,
            protected_l2=measured.protected_l2,
            restored_psnr_db=measured.restored_psnr_db,
            is_bit_exact=measured.is_bit_exact,
            is_protected=measured.is_protected,
        )
