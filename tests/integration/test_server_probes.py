"""What a cluster's probes see: health without TLS, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health import aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from server_support import FakeBackend, config, file, pixels
from srae.v1.protection_service_pb2 import ProtectRequest
from srae.v1.protection_service_pb2_grpc import ProtectionServiceStub

from services.rpc.address import Address
from services.rpc.health import LIVE
from services.rpc.probes import answered
from services.server import running

EVERYWHERE = Address(host="0.0.0.0", port=0)


async def status(channel: grpc.aio.Channel, service: str) -> str:
    answer = await HealthStub(channel).Check(HealthCheckRequest(service=service), timeout=10)
    return HealthCheckResponse.ServingStatus.Name(answer.status)


async def test_health_is_answered_on_any_address_without_tls() -> None:
    servicer = aio.HealthServicer()
    async with (
        answered(EVERYWHERE, servicer) as address,
        grpc.aio.insecure_channel(f"127.0.0.1:{address.port}") as channel,
    ):
        assert await status(channel, "") == "SERVING"
        await servicer.set("", HealthCheckResponse.NOT_SERVING)
        assert await status(channel, "") == "NOT_SERVING"


async def test_a_model_that_is_gone_does_not_get_the_process_restarted(tmp_path: Path) -> None:
    backend = FakeBackend()
    probed = config(tmp_path, health_listen=Address(path=tmp_path / "health.sock"))
    async with running(probed, backend), grpc.aio.insecure_channel(f"unix:{tmp_path}/health.sock") as channel:
        backend.down = {"refiner"}
        await asyncio.sleep(0.2)
        assert await status(channel, "srae.v1.ProtectionService") == "NOT_SERVING"
        assert await status(channel, "srae.v1.RestorationService") == "SERVING"
        assert await status(channel, LIVE) == "SERVING"
    assert not (tmp_path / "health.sock").exists()


async def test_photos_are_not_answered_there(tmp_path: Path) -> None:
    probed = config(tmp_path, health_listen=Address(path=tmp_path / "health.sock"))
    async with running(probed, FakeBackend()), grpc.aio.insecure_channel(f"unix:{tmp_path}/health.sock") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ProtectionServiceStub(channel).Protect(ProtectRequest(image=file(pixels())), timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_the_process_is_alive_while_its_models_still_load(tmp_path: Path) -> None:
    loaded = asyncio.Event()

    class Loading(FakeBackend):
        async def ready(self, model: str) -> bool:
            return await loaded.wait()

    async def serve() -> None:
        async with running(config(tmp_path, health_listen=Address(path=tmp_path / "health.sock")), Loading()):
            await asyncio.Event().wait()

    server = asyncio.create_task(serve())
    try:
        async with grpc.aio.insecure_channel(f"unix:{tmp_path}/health.sock") as channel:
            await asyncio.wait_for(channel.channel_ready(), 10)
            assert (await status(channel, LIVE), await status(channel, "")) == ("SERVING", "NOT_SERVING")
            changes = HealthStub(channel).Watch(HealthCheckRequest(), timeout=10)
            loaded.set()
            async for change in changes:
                if change.status == HealthCheckResponse.SERVING:
                    break
            assert await status(channel, "") == "SERVING"
    finally:
        server.cancel()
        await asyncio.wait([server])
