"""What the wrapping of Triton costs: direct calls, the backend, and ProtectionService, in turns within one run.

    tensor    one inference with one and the same tensor: Triton's bare stub ("direct"), TritonBackend ("backend"),
              EmbeddedBackend ("embedded")
    protect   one sealed protection of one and the same photo: the very inferences that the service makes of it, one
              after the other, on Triton's bare stub ("direct"); ProtectionService over Triton ("service"), which also
              decodes, shrinks, adds, encodes, decodes again and measures; ProtectionService in process ("embedded")

Everything is interleaved, call by call at concurrency 1 and block by block at 8, so that a noisy machine is noisy for
all. Only the ratios mean something. Both backends run a model on one thread.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import grpc
import torch
from recording import RecordingBackend
from server_support import config, file
from skimage import data
from srae.v1.protection_service_pb2 import ProtectRequest
from srae.v1.protection_service_pb2_grpc import ProtectionServiceStub
from triton_support import REPOSITORY, answering, batch, prepared, serving
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from services.config import Config
from services.imaging.pipeline import MADE_WITH
from services.imaging.receipt import Tier
from services.inference.backend import Backend, Tensors
from services.inference.embedded import EmbeddedBackend
from services.inference.triton import TritonBackend, _request, connect
from services.rpc.measured import MeasuredBackend
from services.rpc.metrics import Metrics
from services.server import running
from services.triton_server.fetch import installation

Call = Callable[[], Awaitable[object]]
CLASSIFIERS = MADE_WITH[Tier.SEALED]
MODELS = ["refiner", "recoverer", *CLASSIFIERS]
RESULT = Path(__file__).parent / "results" / "triton_wrapping.json"


async def measure(calls: dict[str, Call], rounds: int, concurrency: int) -> dict[str, dict[str, float]]:
    """p50 of a call at concurrency 1, and calls a second at the given concurrency."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        await call()
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            await call()
            times[name].append(time.perf_counter() - started)
    for _ in range(max(2, rounds // concurrency)):
        for name, call in calls.items():
            started = time.perf_counter()
            await asyncio.gather(*(call() for _ in range(concurrency)))
            rates[name].append(concurrency / (time.perf_counter() - started))
    return {
        name: {"p50_ms": 1000 * statistics.median(times[name]), "calls_per_second": statistics.median(rates[name])}
        for name in calls
    }


async def run(url: str, folder: Path, rounds: int, concurrency: int) -> dict[str, object]:
    stub = GRPCInferenceServiceStub(connect(url))
    triton, embedded = TritonBackend(url), EmbeddedBackend(REPOSITORY, threads=1)
    photo = ProtectRequest(image=file(data.astronaut(), "JPEG", quality=92))
    metrics = {name: Metrics() for name in ("service", "embedded")}

    def direct(model: str, tensors: Tensors) -> Call:
        return lambda: stub.ModelInfer(_request(model, tensors, ""), timeout=120)

    one = batch("recoverer", 1)
    tensor: dict[str, Call] = {
        "direct": direct("recoverer", one),
        "backend": lambda: triton.infer("recoverer", one),
        "embedded": lambda: embedded.infer("recoverer", one),
    }
    recorder = RecordingBackend()
    async with _protecting(recorder, config(folder / "recorded"), Metrics()) as call:
        await call(photo)
    steps = [direct(model, tensors) for model, tensors in recorder.asked]

    async def inferences() -> None:
        for step in steps:
            await step()

    async with AsyncExitStack() as stack:
        protect: dict[str, Call] = {"direct": inferences}
        for name, backend in (("service", triton), ("embedded", embedded)):
            given = config(folder / name, canary_seconds=86000, max_concurrent=concurrency)
            measured = MeasuredBackend(backend, name, metrics[name])
            protect[name] = partial(await stack.enter_async_context(_protecting(measured, given, metrics[name])), photo)
        results = {
            "tensor": await measure(tensor, 10 * rounds, concurrency),
            "protect": await measure(protect, rounds, concurrency),
        }
    return {
        **results,
        "ratios": {kind: _ratios(result) for kind, result in results.items()},
        "share_of_inference_in_protect": {name: _inference_share(each) for name, each in metrics.items()},
    }


@asynccontextmanager
async def _protecting(
    backend: Backend, given: Config, metrics: Metrics
) -> AsyncIterator[Callable[[ProtectRequest], Awaitable[object]]]:
    """A service's Protect."""
    async with running(given, backend, metrics) as address, grpc.aio.insecure_channel(str(address)) as channel:
        yield partial(ProtectionServiceStub(channel).Protect, timeout=120)


def _ratios(result: dict[str, dict[str, float]]) -> dict[str, float]:
    direct = result["direct"]
    return {
        f"{name}_over_direct_{figure}": round(values[figure] / direct[figure], 3)
        for name, values in result.items()
        if name != "direct"
        for figure in values
    }


def _inference_share(metrics: Metrics) -> float:
    """How much of the calls' time went into inference, queueing included."""
    sums = {sample.name: 0.0 for family in metrics.registry.collect() for sample in family.samples}
    for family in metrics.registry.collect():
        for sample in family.samples:
            sums[sample.name] += sample.value
    return round(sums["srae_inference_seconds_sum"] / sums["srae_call_seconds_sum"], 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="protections a contender (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=8, help="default: %(default)s")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "models"
        repository.mkdir()
        for model in MODELS:
            (repository / model).symlink_to(REPOSITORY / model)
        with serving(prepared(installation(), repository)) as url:
            asyncio.run(answering(url, MODELS))
            results = asyncio.run(run(url, Path(folder), given.rounds, given.concurrency))
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
    about = {
        "command": "make bench-triton",
        "commit": commit.stdout.strip(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "rounds": given.rounds,
        "concurrency": given.concurrency,
    }
    RESULT.write_text(json.dumps({**about, **results}, indent=2) + "\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
