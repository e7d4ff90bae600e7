"""What goes wrong on a real Triton server, what a caller sees of it, and that service returns by itself.

The server serves the recoverer alone, so that it is soon up again; the services' RestorationService needs no other.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest
import torch
from server_support import Client, config, file, opened, pixels, refusal
from srae.v1 import restoration_service_pb2 as re
from triton_support import Server, answering, batch, copied, metric, prepared, serving, settled, until

from services.errors import Reason, UnavailableError
from services.inference.deadline import within
from services.inference.embedded import EmbeddedBackend
from services.inference.fallback import FallbackBackend
from services.inference.signature import MAX_BATCH
from services.inference.triton import TritonBackend
from services.rpc.metrics import Metrics
from services.server import _backend, running
from services.triton_server.__main__ import _STOP_SECONDS
from services.triton_server.control import Control, ControlError
from services.triton_server.fetch import Installation
from services.triton_server.watch import Watch

MODEL = "recoverer"
PHOTO = file(pixels())
#: A server that starts again, on a machine that does other things too.
PATIENCE = 170.0
REQUEST = re.RestoreRequest(image=PHOTO)


@dataclass
class Watched:
    """A watched server, the services on it, and what they must answer."""

    server: Server
    client: Client
    right: np.ndarray

    async def restore(self, seconds: float) -> np.ndarray:
        return opened((await self.client.restoration.Restore(REQUEST, timeout=seconds)).image)

    async def is_right(self) -> None:
        """The caller gets the right picture, after however many tries of the service's own."""
        assert np.array_equal(await self.restore(PATIENCE), self.right)


@pytest.fixture
def small(tmp_path: Path, triton: Installation) -> Server:
    """A server of one model that does not run yet."""
    return prepared(triton, copied(tmp_path / "models", [MODEL]))


@asynccontextmanager
async def watched(server: Server) -> AsyncIterator[None]:
    stop = asyncio.Event()
    watch = Watch(server.process, server.url, [MODEL], every_seconds=0.2, patience_seconds=2.0)
    task = asyncio.create_task(watch.run(stop))
    try:
        await answering(server.url, [MODEL])
        yield
    finally:
        stop.set()
        await task


@pytest.fixture
async def service(tmp_path: Path, small: Server) -> AsyncIterator[Watched]:
    given = config(tmp_path, backend="triton", triton_url=small.url, canary_seconds=60, inference_seconds=PATIENCE)
    embedded = EmbeddedBackend(small.settings.repository)
    metrics = Metrics()
    backend = _backend(given, metrics)
    async with (
        watched(small),
        running(given, backend, metrics) as address,
        grpc.aio.insecure_channel(str(address)) as channel,
    ):
        found = Watched(small, Client(channel, address), np.empty(0))
        found.right = await found.restore(PATIENCE)
        yield found
    await backend.close()
    await embedded.close()


async def test_a_killed_stub_is_a_retried_success(service: Watched) -> None:
    """The model is loaded anew, or, where a canary was on its way and is never answered, the whole server."""
    (stub,) = service.server.stubs(MODEL)
    os.kill(stub, signal.SIGKILL)

    await service.is_right()

    assert service.server.stubs(MODEL) not in ([stub], [])


async def test_a_killed_server_is_a_retried_success(service: Watched) -> None:
    before = service.server.process.pid
    os.kill(before, signal.SIGKILL)

    await service.is_right()

    assert service.server.process.pid != before


async def test_a_stopping_server_is_a_retried_success(service: Watched) -> None:
    calls = [asyncio.create_task(service.is_right()) for _ in range(4)]
    os.kill(service.server.process.pid, signal.SIGTERM)
    calls += [asyncio.create_task(service.is_right()) for _ in range(4)]

    await asyncio.gather(*calls)


async def test_a_hung_model_is_unavailable_in_time_and_then_comes_back(service: Watched) -> None:
    (stub,) = service.server.stubs(MODEL)
    os.kill(stub, signal.SIGSTOP)
    started = time.monotonic()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service.restore(2.5)

    told = refusal(caught.value)
    assert time.monotonic() - started < 2.5
    assert (told.code, told.info.reason) == (grpc.StatusCode.UNAVAILABLE, Reason.MODEL_UNAVAILABLE)
    assert told.retry is not None
    await service.is_right()


@asynccontextmanager
async def laid_down(server: Server, version: str, write: Callable[[Path], object]) -> AsyncIterator[str]:
    """What the server says to a new version. It stays until the end, or the watch would load the good one meanwhile."""
    folder = server.settings.repository / MODEL / version
    folder.mkdir()
    try:
        write(folder / "model.pt")
        async with Control(server.url) as control:
            try:
                await control.load(MODEL)
                told = ""
            except ControlError as error:
                told = str(error)
        yield told
    finally:
        shutil.rmtree(folder)


async def test_a_corrupt_version_leaves_the_good_one_serving(service: Watched) -> None:
    async with laid_down(service.server, "2", lambda path: path.write_bytes(b"no model")) as told:
        assert "does not load" in told
        await service.is_right()


class _Flat(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image[:, :, :8, :8].to(torch.int8)


async def test_a_version_of_another_shape_never_makes_a_picture(service: Watched) -> None:
    """It loads, for Triton does not look at shapes. The backend does; and srae-models does before it is loaded."""
    async with laid_down(service.server, "2", lambda path: torch.jit.script(_Flat()).save(str(path))):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await service.restore(30)
    assert refusal(caught.value).info.reason == Reason.MODEL_UNAVAILABLE

    async with Control(service.server.url) as control:
        await control.load(MODEL)
    await service.is_right()


async def test_a_server_that_starts_is_stopped_with_its_stubs(small: Server) -> None:
    stop = asyncio.Event()
    # The protector is not in its repository: without being told to stop, the watcher would wait for it for a minute.
    task = asyncio.create_task(Watch(small.process, small.url, [MODEL, "protector"]).run(stop))

    async def loads() -> bool:
        return small.stubs(MODEL) != []

    await until(loads, PATIENCE)
    told = time.monotonic()
    stop.set()
    await task

    assert time.monotonic() - told < _STOP_SECONDS
    assert small.process.pid is None

    async def are_gone() -> bool:
        return small.stubs(MODEL) == []

    # They are killed, and not waited for: they are no children of ours.
    await until(are_gone)


async def test_a_server_that_is_gone_is_unavailable_in_time(small: Server) -> None:
    backend = TritonBackend(small.url)
    started = time.monotonic()
    with pytest.raises(UnavailableError), within(3.0):
        await backend.infer(MODEL, batch(MODEL, 1))
    assert time.monotonic() - started < 3.0
    assert not await asyncio.wait_for(backend.ready(MODEL), 60)
    await backend.close()


async def test_calls_go_on_in_process_while_the_server_is_gone(tmp_path: Path, small: Server) -> None:
    metrics = Metrics()
    given = config(
        small.settings.repository, backend="triton", triton_url=small.url, fallback="embedded", inference_seconds=3.0
    )
    backend = _backend(given, metrics)
    assert isinstance(backend, FallbackBackend)

    def read(name: str, **labels: str) -> float:
        return metrics.registry.get_sample_value(name, labels) or 0.0

    assert (await backend.infer(MODEL, batch(MODEL, 1))).model_version == "1"
    assert read("srae_fallback_active") == 1.0
    assert read("srae_fallback_inferences_total", model=MODEL) == 1.0
    assert read("srae_inferences_total", backend="triton", model=MODEL, version="", code="UNAVAILABLE") == 1.0
    assert read("srae_inferences_total", backend="embedded", model=MODEL, version="1", code="OK") == 1.0
    assert read("srae_inference_retries_total", model=MODEL) > 0.0

    async with watched(small):

        async def is_back() -> bool:
            await backend.infer(MODEL, batch(MODEL, 1))
            return read("srae_inferences_total", backend="triton", model=MODEL, version="1", code="OK") >= 1.0

        await until(is_back)
    assert read("srae_fallback_active") == 0.0
    await backend.close()


async def _cancelled(backend: TritonBackend) -> None:
    task = asyncio.create_task(backend.infer(MODEL, batch(MODEL, 1)))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _too_late(backend: TritonBackend) -> None:
    with pytest.raises(UnavailableError), within(0.3):
        await backend.infer(MODEL, batch(MODEL, 1))


@pytest.mark.parametrize("given_up", [_cancelled, _too_late])
async def test_what_a_caller_gave_up_is_never_run(
    small: Server, given_up: Callable[[TritonBackend], Awaitable[None]]
) -> None:
    """Cancellation and deadlines reach Triton: the call is given up while it waits behind others."""
    backend = TritonBackend(small.url)
    with serving(small) as url:
        await answering(url, [MODEL])
        async with Control(url) as control:
            await settled(small.settings.metrics_port, MODEL)
            before = await control.successes(MODEL)
            others = [asyncio.create_task(backend.infer(MODEL, batch(MODEL, MAX_BATCH))) for _ in range(16)]

            async def all_wait() -> bool:
                # In a thread, so that the calls go on being sent.
                port = small.settings.metrics_port
                return await asyncio.to_thread(metric, port, "nv_inference_pending_request_count", MODEL) >= 8

            await until(all_wait)  # a small call that comes while they are still on their way would be run first
            await given_up(backend)
            assert sum(other.done() for other in others) < 14, "it was given up before its turn"
            await asyncio.gather(*others)
            await settled(small.settings.metrics_port, MODEL)
            assert await control.successes(MODEL) == before + len(others)
    await backend.close()
