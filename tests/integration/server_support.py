"""What the server's tests share: a backend without models, photos, and the outside of a real server."""

from __future__ import annotations

import asyncio
import io
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import numpy as np
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status
from PIL import Image
from srae.v1.evaluation_service_pb2_grpc import EvaluationServiceStub
from srae.v1.protection_service_pb2_grpc import ProtectionServiceStub
from srae.v1.restoration_service_pb2_grpc import RestorationServiceStub

from services.config import Config, Tls
from services.errors import UnavailableError, UnknownModelError
from services.inference.backend import Inference, Tensors
from services.rpc.address import Address
from services.server import running


@dataclass
class FakeBackend:
    """Answers like models that are in order, except for those named here.

    Attributes:
        down: models that are unavailable.
        broken: models that raise something unforeseen.
        held: while set, inferences wait for it.
        strengths_db: that the writers were asked for, in order.
        pause_seconds: how long each inference takes.
    """

    down: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    held: asyncio.Event | None = None
    strengths_db: list[float] = field(default_factory=list)
    pause_seconds: float = 0.0

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        await asyncio.sleep(self.pause_seconds)
        if self.held is not None:
            await self.held.wait()
        if model in self.down:
            raise UnavailableError(f"Model {model!r} is down.")
        if model in self.broken:
            raise RuntimeError("a secret of /etc/shadow")
        if model in self.missing:
            raise UnknownModelError(f"There is no model {model!r}.")
        image = tensors["INPUT__0"]
        if model in ("protector", "refiner"):
            self.strengths_db.append(float(tensors["INPUT__3"][0, 0]))
            levels = np.random.default_rng(7).choice(np.array([-4, 4], np.int8), tensors["INPUT__1"].shape)
            answer = np.clip(levels, tensors["INPUT__1"], tensors["INPUT__2"])
        elif model == "recoverer":
            # Beyond any headroom, so that no protect takes it for what it could have written.
            answer = np.full((len(image), 3, 56, 56), 120, np.int8)
        else:
            # Every second photo of a batch is seen as something else: the protected one, in evaluate's order.
            answer = np.full((len(image), 1000), 0.0001, np.float32)
            answer[np.arange(len(image)), np.arange(len(image)) % 2] = 0.9
        return Inference("1", {"OUTPUT__0": answer})

    async def ready(self, model: str) -> bool:
        return model not in self.down | self.broken

    async def close(self) -> None:
        pass


def pixels(height: int = 96, width: int = 120, seed: int = 0) -> np.ndarray:
    """A photo's pixels with room for a code on both sides."""
    rows, columns = np.mgrid[:height, :width]
    noise = np.random.default_rng(seed).integers(-8, 9, (height, width, 3))
    return (np.stack([60 + rows % 90, 70 + columns % 90, 80 + (rows + columns) % 80], axis=2) + noise).astype(np.uint8)


def file(image: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    """An image file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data: bytes) -> np.ndarray:
    """An image file's pixels."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@dataclass
class Client:
    """The three stubs on one channel."""

    channel: grpc.aio.Channel
    address: Address

    def __post_init__(self) -> None:
        self.protection = ProtectionServiceStub(self.channel)
        self.restoration = RestorationServiceStub(self.channel)
        self.evaluation = EvaluationServiceStub(self.channel)


@asynccontextmanager
async def served(config: Config, backend: FakeBackend) -> AsyncIterator[Client]:
    """A real server, and a client of it."""
    async with running(config, backend) as address, grpc.aio.insecure_channel(str(address)) as channel:
        yield Client(channel, address)


def config(folder: Path, **changes: object) -> Config:
    """A server on a Unix socket in the folder, which checks its health often."""
    return replace(Config(Address(path=folder / "srae.sock"), folder, canary_seconds=0.05), **changes)


def certificate(folder: Path) -> Tls:
    """A certificate of this computer's own, made in the folder."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    extension = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*command.split(), *extension], cwd=folder, check=True, capture_output=True)
    return Tls(folder / "cert.pem", folder / "key.pem")


@dataclass
class Refusal:
    """A refused call, taken apart."""

    code: grpc.StatusCode
    message: str
    info: ErrorInfo
    fields: list[str]
    retry: RetryInfo | None


def refusal(error: grpc.RpcError) -> Refusal:
    """Takes an error apart; fails where it has no ErrorInfo."""
    status = rpc_status.from_call(error)
    assert status is not None, error
    found: dict[type, object] = {}
    for detail in status.details:
        for kind in (ErrorInfo, BadRequest, RetryInfo):
            if detail.Is(kind.DESCRIPTOR):
                found[kind] = kind()
                detail.Unpack(found[kind])
    fields = [violation.field for violation in found.get(BadRequest, BadRequest()).field_violations]
    return Refusal(error.code(), status.message, found[ErrorInfo], fields, found.get(RetryInfo))
