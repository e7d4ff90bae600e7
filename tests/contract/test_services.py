"""Whole photos through the gRPC services, on Triton and in process: the same files, and the original back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import numpy as np
import pytest
from server_support import Client, config, file, opened
from skimage import data
from srae.v1 import image_pb2 as im
from srae.v1 import protection_service_pb2 as pr
from srae.v1 import restoration_service_pb2 as re
from triton_support import Server

from services.inference.signature import SIGNATURES
from services.rpc.measured import MeasuredBackend
from services.rpc.metrics import Metrics
from services.server import _backend, running

ORIGINAL = np.ascontiguousarray(data.astronaut()[40:360, 60:420])
TIERS = [im.TIER_SEALED, im.TIER_ONE_PASS]


class Services:
    """The services on one backend, and what their metrics tell of it."""

    def __init__(self, client: Client, metrics: Metrics) -> None:
        self.client = client
        self._metrics = metrics

    async def protected(self, tier: int) -> pr.ProtectResponse:
        request = pr.ProtectRequest(image=file(ORIGINAL), options=pr.ProtectOptions(tier=tier))
        return await self.client.protection.Protect(request, timeout=120)

    async def restored(self, made: pr.ProtectResponse) -> re.RestoreResponse:
        options = re.RestoreOptions(receipt=made.outcome.receipt)
        return await self.client.restoration.Restore(re.RestoreRequest(image=made.image, options=options), timeout=60)

    def inferences(self, backend: str) -> float:
        labels = [{"backend": backend, "model": model, "version": "1", "code": "OK"} for model in SIGNATURES]
        found = (self._metrics.registry.get_sample_value("srae_inferences_total", each) for each in labels)
        return sum(value or 0.0 for value in found)


@pytest.fixture
async def services(tmp_path: Path, server: Server, repository: Path) -> AsyncIterator[dict[str, Services]]:
    async with AsyncExitStack() as stack:
        made = {}
        for name in ("embedded", "triton"):
            given = config(
                tmp_path / name, backend=name, triton_url=server.url, repository=repository, canary_seconds=600
            )
            metrics = Metrics()
            backend = _backend(given, metrics)
            assert isinstance(backend, MeasuredBackend)
            stack.push_async_callback(backend.close)
            address = await stack.enter_async_context(running(given, backend, metrics))
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(str(address)))
            made[name] = Services(Client(channel, address), metrics)
        yield made


@pytest.mark.parametrize("tier", TIERS)
async def test_both_make_the_same_file_and_the_same_receipt(services: dict[str, Services], tier: int) -> None:
    embedded, triton = [await each.protected(tier) for each in services.values()]

    assert np.array_equal(opened(embedded.image), opened(triton.image))
    assert not np.array_equal(opened(triton.image), ORIGINAL)
    assert embedded.outcome.receipt == triton.outcome.receipt
    assert embedded.outcome.views == triton.outcome.views
    assert services["triton"].inferences("triton") > 0
    assert services["triton"].inferences("embedded") == 0


async def test_a_sealed_photo_comes_back_bit_for_bit_whichever_backend_protected_it(
    services: dict[str, Services],
) -> None:
    for maker, restorer in (("triton", "triton"), ("triton", "embedded"), ("embedded", "triton")):
        made = await services[maker].protected(im.TIER_SEALED)
        back = await services[restorer].restored(made)

        assert made.outcome.promise == back.outcome.promise == im.PROMISE_BIT_EXACT
        assert np.array_equal(opened(back.image), ORIGINAL)


async def test_a_one_pass_photo_is_read_alike_by_both(services: dict[str, Services]) -> None:
    made = await services["triton"].protected(im.TIER_ONE_PASS)

    embedded, triton = [await each.restored(made) for each in services.values()]

    assert np.array_equal(opened(embedded.image), opened(triton.image))
    assert embedded.outcome.promise == triton.outcome.promise != im.PROMISE_UNSPECIFIED
