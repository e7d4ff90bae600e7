"""What every rival's server does with a request: it calls this project's library in process, on one thread a worker."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from services.evaluation import report
from services.imaging import codec, pipeline
from services.imaging.receipt import Tier
from services.inference.backend import Backend, Tensors
from services.inference.embedded import EmbeddedBackend
from services.inference.signature import SIGNATURES

REPOSITORY = Path(__file__).parents[4] / "triton_models"
#: Two workers of one thread each: as many threads as ours and Triton have, on the two cores of the machine.
WORKERS = 2
#: The network of the bare row.
NETWORK = "protector"


class Work:
    """The networks in this process, or behind another backend."""

    def __init__(self, backend: Backend, tier: Tier) -> None:
        self._backend = backend
        self._tier = tier

    @classmethod
    def of_worker(cls) -> Work:
        """A server's worker's; the benchmark says the tier."""
        return cls(EmbeddedBackend(REPOSITORY, threads=1), Tier(os.environ["RIVAL_TIER"]))

    async def infer(self, bodies: list[bytes]) -> list[bytes]:
        """One inference of the network on a batch; each body holds a photo's input tensors, one after the other."""
        answer = await self._backend.infer(NETWORK, unpacked(bodies))
        return [row.tobytes() for row in answer.tensors["OUTPUT__0"]]

    async def protect(self, file: bytes) -> bytes:
        """The same work as ProtectionService's, whose answer is measured on the file that goes out."""
        original = codec.decode(file)
        receipt = await pipeline.find_code(original, self._tier, self._backend)
        written = pipeline.write(original, receipt)
        encoded, restored = written.file, original
        returned = codec.decode(encoded.data)
        if not written.restores:
            restored = (await pipeline.restore(returned, receipt, self._backend, is_own=True)).photo
        made_with = pipeline.MADE_WITH[self._tier]
        await report.evaluate(original, returned, restored, self._backend, made_with)
        return encoded.data


def packed(tensors: Tensors) -> bytes:
    """A photo's input tensors as one body."""
    return b"".join(tensors[name].tobytes() for name in sorted(tensors))


def unpacked(bodies: list[bytes]) -> Tensors:
    """The batch of several bodies."""
    tensors, start = {}, 0
    for index, spec in enumerate(SIGNATURES[NETWORK].inputs):
        size = int(np.prod(spec.shape)) * np.dtype(spec.dtype).itemsize
        rows = [np.frombuffer(body[start : start + size], spec.dtype).reshape(spec.shape) for body in bodies]
        tensors[f"INPUT__{index}"] = np.stack(rows)
        start += size
    return tensors
