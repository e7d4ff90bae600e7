"""grpc.health.v1: a service is SERVING only while a canary inference passes through every model that it needs."""

from __future__ import annotations

import asyncio
import logging

from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import HealthCheckResponse

from services.errors import UnknownModelError
from services.imaging.pipeline import MADE_WITH, READER, WRITERS
from services.imaging.receipt import Tier
from services.inference.backend import CLASSIFIER_SIDES, Backend
from services.inference.deadline import within
from services.rpc.metrics import Metrics

#: The models, a service. Protecting needs them all: its answer tells what classifiers see, and how the photo restores.
NEEDS = {
    "srae.v1.ProtectionService": (*WRITERS.values(), READER, *MADE_WITH[Tier.SEALED]),
    "srae.v1.RestorationService": (READER,),
    "srae.v1.EvaluationService": (READER, *CLASSIFIER_SIDES),
}
#: The server as a whole.
OVERALL = ""
#: Serving as long as the process answers, whatever the models do: restarting it would not mend them.
LIVE = "live"

#: A canary may have to wait behind real photos, and a model may have to load first.
_PATIENCE_SECONDS = 60.0
_log = logging.getLogger(__name__)


class HealthWatch:
    """Keeps the health of each service up to date."""

    def __init__(self, backend: Backend, every_seconds: float, metrics: Metrics) -> None:
        self.servicer = health.aio.HealthServicer()
        self._backend = backend
        self._metrics = metrics
        self._every_seconds = every_seconds
        self._serving: dict[str, bool] = {}

    async def announce(self) -> None:
        """Before the first check: the process lives, and nothing serves yet."""
        await self.servicer.set(LIVE, HealthCheckResponse.SERVING)
        for service in (OVERALL, *NEEDS):
            await self.servicer.set(service, HealthCheckResponse.NOT_SERVING)

    async def run(self) -> None:
        """Checks for ever."""
        while True:
            await asyncio.sleep(self._every_seconds)
            await self.check()

    async def check(self) -> None:
        """Checks once. Overall is SERVING where every service is."""
        models = sorted({model for needs in NEEDS.values() for model in needs})
        answers = await asyncio.gather(*(self._ready(model) for model in models))
        ready = {model for model, answer in zip(models, answers, strict=True) if answer}
        for model in models:
            self._metrics.model_ready.labels(model).set(model in ready)
            self._metrics.canary_failures.labels(model).inc(model not in ready)
        serving = {service: ready.issuperset(needs) for service, needs in NEEDS.items()}
        serving[OVERALL] = all(serving.values())
        for service, is_serving in serving.items():
            status = HealthCheckResponse.SERVING if is_serving else HealthCheckResponse.NOT_SERVING
            await self.servicer.set(service, status)
        if serving != self._serving:
            _log.info("health changed", extra={"fields": {"serving": serving, "not_ready": sorted({*models} - ready)}})
        self._serving = serving

    async def _ready(self, model: str) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                # Told of it, too: a backend that knows its model to be busy, and not gone, can still say so.
                with within(_PATIENCE_SECONDS):
                    return await self._backend.ready(model)
        except UnknownModelError as error:
            _log.warning("there is no canary of %s: %s", model, error)
            return False
        except Exception:
            _log.exception("the canary failed", extra={"fields": {"model": model}})
            return False
