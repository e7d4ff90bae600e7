"""A real Triton server for the tests: its own copy of models, its own ports, its stubs' processes."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.errors import SraeError
from services.inference.backend import Tensors
from services.inference.canary import canary_inputs
from services.inference.triton import TritonBackend
from services.triton_server.fetch import Installation
from services.triton_server.process import Settings, TritonProcess

REPOSITORY = Path(__file__).parents[2] / "triton_models"


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: TritonProcess
    settings: Settings

    @property
    def url(self) -> str:
        return self.settings.url

    def stubs(self, model: str) -> list[int]:
        """The processes in which the model's instances run."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if command[0].endswith("stub") and command[1].startswith(f"{self.settings.repository}/{model}/"):
                found.append(int(folder.name))
        return found


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]


def copied(folder: Path, models: Sequence[str]) -> Path:
    """A model repository with copies of these models."""
    for model in models:
        shutil.copytree(REPOSITORY / model, folder / model)
    return folder


def prepared(installation: Installation, repository: Path, profile: str = "") -> Server:
    """A server that does not run yet. What it says goes beside its repository."""
    grpc_port, metrics_port = free_ports()
    settings = Settings(repository, grpc_port, metrics_port, profile=profile)
    return Server(TritonProcess(installation, settings, repository.parent / "triton.log"), settings)


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """Runs the server, and gives its address. Its models need seconds until they answer."""
    server.process.start()
    try:
        yield server.url
    finally:
        server.process.kill()


async def answering(url: str, models: Sequence[str], seconds: float = 300.0) -> None:
    """Waits until every model answers."""
    backend = TritonBackend(url, on_retry=None)
    try:
        for model in models:
            await until(lambda model=model: _answers(backend, model), seconds)
    finally:
        await backend.close()


async def _answers(backend: TritonBackend, model: str) -> bool:
    try:
        await backend.infer(model, canary_inputs(model))
    except SraeError:
        return False
    return True


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, "it does not come to pass"
        await asyncio.sleep(0.1)


def metric(port: int, name: str, model: str) -> float:
    """One of Triton's metrics of a model, summed over its versions; 0 where there is none."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    return sum(map(float, re.findall(rf'^{name}{{[^}}]*model="{model}"[^}}]*}} (\S+)$', text, re.MULTILINE)))


async def settled(port: int, model: str) -> list[float]:
    """The model's inferences, and its executions for them, once both stand still for two seconds: Triton counts one a
    moment after its answer has left."""
    seen: list[list[float]] = []

    async def still() -> bool:
        seen.append([metric(port, name, model) for name in ("nv_inference_count", "nv_inference_exec_count")])
        return len(seen) > 20 and seen[-1] == seen[-21]

    await until(still)
    return seen[-1]


def batch(model: str, size: int, seed: int = 0) -> Tensors:
    """Random photos, and random headroom where the model takes it."""
    generator = np.random.default_rng(seed)
    tensors = {}
    for name, tensor in canary_inputs(model).items():
        shape = (size, *tensor.shape[1:])
        if tensor.dtype == np.uint8:
            tensors[name] = generator.integers(0, 256, shape).astype(np.uint8)
        elif tensor.dtype == np.int8:
            tensors[name] = (np.sign(tensor[:1]) * generator.integers(0, 30, shape)).astype(np.int8)
        else:
            tensors[name] = np.repeat(tensor, size, axis=0)
    return tensors
