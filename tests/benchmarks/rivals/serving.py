"""The same networks behind other servers: throughput and p50, at 1 and 8 callers, in turns within one run."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from recording import RecordingBackend
from skimage import data
from triton_support import REPOSITORY, answering, batch, prepared, serving
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from rivals import callers, processes
from rivals.closed_loop import Connect, measure, times_the_rate
from rivals.results import keep
from rivals.servers.work import NETWORK, Work, packed
from services.imaging.receipt import Tier
from services.inference.backend import Tensors
from services.inference.embedded import EmbeddedBackend
from services.inference.triton import TritonBackend, _request, connect
from services.triton_server.fetch import FetchError, installation

CONCURRENCIES = (1, 8)
_MODELS = ("protector", "recoverer", "refiner", "classifier_efficientnet_lite0", "classifier_efficientnet_lite1")


@dataclass(frozen=True)
class Options:
    """See ``python -m rivals --help``."""

    rounds: int
    seconds: float
    rows: Sequence[str]
    command: str


@dataclass(frozen=True)
class Row:
    """What is asked of every server. extension: the photo's kind; None for the bare network."""

    title: str
    extension: str | None
    size: tuple[int, int]
    tier: Tier


#: Width and height of the JPEG: about a megapixel.
_MEGAPIXEL = (1155, 866)
ROWS = {
    "network": Row("one inference of the protector", None, (224, 224), Tier.ONE_PASS),
    "png": Row("one-pass tier, PNG of 224x224", ".png", (224, 224), Tier.ONE_PASS),
    "jpeg": Row("one-pass tier, JPEG of 1 megapixel", ".jpg", _MEGAPIXEL, Tier.ONE_PASS),
    "sealed": Row("sealed tier, PNG of 224x224", ".png", (224, 224), Tier.SEALED),
}


def run(options: Options) -> None:
    """Measures the rows, each kept as soon as it is there."""
    for name in options.rows:
        row = ROWS[name]
        with ExitStack() as stack:
            url = stack.enter_context(_triton())
            contenders = _network(url, stack) if row.extension is None else _pipeline(row, url, stack)
            figures = measure(contenders, CONCURRENCIES, options.rounds, options.seconds)
        head = {"title": row.title, "rounds": options.rounds, "seconds_a_turn": options.seconds}
        ratios = {concurrency: _ratios(each) for concurrency, each in figures.items()}
        keep(f"serving-{name}", {**head, "concurrency": figures, "ratios": ratios}, options.command)


def _network(url: str, stack: ExitStack) -> dict[str, Connect]:
    """Contenders for one inference: photo and bounds go in, the code comes out."""
    tensors = batch(NETWORK, 1)
    body = packed(tensors)
    ports = {kind: stack.enter_context(processes.litserve(f"network-{kind}", Tier.ONE_PASS)) for kind in _LITSERVE}
    bentoml = stack.enter_context(processes.bentoml(Tier.ONE_PASS))
    fastapi = stack.enter_context(processes.fastapi(Tier.ONE_PASS))
    loop, embedded = callers.Loop(), EmbeddedBackend(REPOSITORY, threads=2)
    stub, backend = loop.wait(partial(_clients, url))
    request = _request(NETWORK, tensors, "")
    return {
        "litserve-json": callers.json_base64(ports["json"], "/predict", body),
        "litserve-raw": callers.raw(ports["raw"], "/predict", body),
        "litserve-raw-unbatched": callers.raw(ports["raw-one"], "/predict", body),
        "bentoml": callers.raw(bentoml, "/infer", body),
        "fastapi": callers.raw(fastapi, "/infer", body),
        "triton-direct": loop.caller(lambda: stub.ModelInfer(request, timeout=120)),
        "ours-triton": loop.caller(lambda: backend.infer(NETWORK, tensors)),
        "ours-in-process": loop.caller(lambda: embedded.infer(NETWORK, tensors)),
    }


_LITSERVE = ("json", "raw", "raw-one")


def _pipeline(row: Row, url: str, stack: ExitStack) -> dict[str, Connect]:
    """Contenders for protecting a photo, with the answer measured on the file that goes out."""
    assert row.extension is not None
    file = _file(row.extension, row.size)
    ports = {kind: stack.enter_context(processes.litserve(kind, row.tier)) for kind in ("json", "raw")}
    bentoml = stack.enter_context(processes.bentoml(row.tier))
    fastapi = stack.enter_context(processes.fastapi(row.tier))
    embedded = stack.enter_context(processes.ours("ours-grpc", []))
    over_triton = stack.enter_context(processes.ours("ours-grpc-triton", ["--backend=triton", f"--triton-url={url}"]))
    loop = callers.Loop()
    stub, _ = loop.wait(partial(_clients, url))
    requests = [_request(model, tensors, "") for model, tensors in _inferences(file, row.tier)]

    async def inferences() -> None:
        for request in requests:
            await stub.ModelInfer(request, timeout=120)

    return {
        "litserve-json": callers.json_base64(ports["json"], "/predict", file),
        "litserve-raw": callers.raw(ports["raw"], "/predict", file),
        "bentoml": callers.raw(bentoml, "/protect", file),
        "fastapi": callers.raw(fastapi, "/protect", file),
        "triton-direct": loop.caller(inferences),
        "ours-triton": callers.protection_service(over_triton, file, row.tier),
        "ours-grpc": callers.protection_service(embedded, file, row.tier),
    }


async def _clients(url: str) -> tuple[GRPCInferenceServiceStub, TritonBackend]:
    return GRPCInferenceServiceStub(connect(url)), TritonBackend(url)


def _inferences(file: bytes, tier: Tier) -> list[tuple[str, Tensors]]:
    """Every inference that protecting this photo takes, in order."""
    backend = RecordingBackend()
    asyncio.run(Work(backend, tier).protect(file))
    return backend.asked


def _file(extension: str, size: tuple[int, int]) -> bytes:
    pixels = cv2.resize(data.astronaut(), size, interpolation=cv2.INTER_CUBIC)
    done, file = cv2.imencode(extension, np.ascontiguousarray(pixels[..., ::-1]))
    assert done
    return file.tobytes()


@contextmanager
def _triton() -> Iterator[str]:
    """Triton with two instances of each model, one thread each: as many threads as everyone has."""
    try:
        installed = installation()
    except FetchError as error:
        raise SystemExit(str(error)) from None
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "models"
        for model in _MODELS:
            shutil.copytree(REPOSITORY / model, repository / model)
            config = repository / model / "config.pbtxt"
            config.write_text(re.sub(r"count: 1\b", "count: 2", config.read_text()))
        with serving(prepared(installed, repository)) as url:
            asyncio.run(answering(url, _MODELS))
            yield url


def _ratios(figures: dict[str, Any]) -> dict[str, Any]:
    """Ours over each rival, in calls a second."""
    ours = [name for name in figures if name.startswith("ours")]
    rivals = [name for name in figures if not name.startswith("ours")]
    return {name: {rival: times_the_rate(figures, name, rival) for rival in rivals} for name in ours}
