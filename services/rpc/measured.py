"""A backend whose inferences are counted and timed."""

from __future__ import annotations

import asyncio
import time

from services.errors import SraeError
from services.inference.backend import Backend, Inference, Tensors
from services.inference.turn import waits_told
from services.rpc import tracing
from services.rpc.metrics import Metrics
from services.rpc.status import CODES, reason_of


class MeasuredBackend:
    """Passes everything on, and tells the metrics.

    Args:
        name: the backend's, as the metrics call it.
    """

    def __init__(self, backend: Backend, name: str, metrics: Metrics) -> None:
        self._backend = backend
        self._name = name
        self._metrics = metrics

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        """See ``Backend.infer``."""
        started = time.monotonic()
        code, answered = "INTERNAL", ""
        try:
            span = tracing.span("infer", {"srae.model": model, "srae.backend": self._name})
            with span, waits_told(lambda seconds: self._metrics.queue_seconds.labels(model).observe(seconds)):
                answer = await self._backend.infer(model, tensors, version)
            code, answered = "OK", answer.model_version
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except SraeError as error:
            code = CODES[reason_of(error)].name
            raise
        finally:
            self._metrics.inferences.labels(self._name, model, answered, code).inc()
            self._metrics.inference_seconds.labels(self._name, model).observe(time.monotonic() - started)
        self._metrics.inference_images.labels(self._name, model).inc(len(tensors["INPUT__0"]))
        return answer

    async def ready(self, model: str) -> bool:
        """Whether the model answers. Canaries are not counted as inferences."""
        return await self._backend.ready(model)

    async def close(self) -> None:
        """Lets go of everything."""
        await self._backend.close()
