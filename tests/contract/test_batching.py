"""The GPU profile on a real server: calls that arrive together are run together."""

from __future__ import annotations

import asyncio
from pathlib import Path

from triton_support import answering, batch, copied, metric, prepared, serving, until

from services.inference.triton import TritonBackend
from services.triton_server.fetch import Installation

MODEL = "recoverer"
NAMES = "nv_inference_count", "nv_inference_exec_count"


async def test_in_the_gpu_profile_calls_of_one_moment_become_batches(triton: Installation, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    server = prepared(triton, copied(tmp_path / "models", [MODEL]), profile="gpu")
    with serving(server) as url:
        await answering(url, [MODEL])
        backend = TritonBackend(url)
        # Triton counts an inference a moment after its answer has left: here those of warming up and of ``answering``.
        before = await settled(server.settings.metrics_port)
        await asyncio.gather(*(backend.infer(MODEL, batch(MODEL, 1)) for _ in range(64)))
        await backend.close()
        after = await settled(server.settings.metrics_port)
    inferences, executions = (now - then for now, then in zip(after, before, strict=True))
    assert inferences == 64
    assert inferences / executions > 2


async def settled(port: int) -> list[float]:
    """What is counted, once that stands still for a second."""
    seen = [counted(port)]

    async def still() -> bool:
        seen.append(counted(port))
        return len(seen) > 10 and seen[-1] == seen[-11]

    await until(still)
    return seen[-1]


def counted(port: int) -> list[float]:
    """Inferences, and executions of the model for them, as Triton's metrics have them."""
    return [metric(port, name, MODEL) for name in NAMES]
