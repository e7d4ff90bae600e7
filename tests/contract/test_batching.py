"""The GPU profile on a real server: calls that arrive together are run together."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from pathlib import Path

from triton_support import answering, batch, copied, prepared, serving, until

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
        # Triton counts an inference a moment after its answer has left: here the one that ``answering`` made.
        _, executions_before = await counted_up_to(1, server.settings.metrics_port)
        await asyncio.gather(*(backend.infer(MODEL, batch(MODEL, 1)) for _ in range(64)))
        await backend.close()
        inferences, executions = await counted_up_to(1 + 64, server.settings.metrics_port)
    assert inferences == 1 + 64
    assert 64 / (executions - executions_before) > 2


async def counted_up_to(inferences: int, port: int) -> list[float]:
    """What is counted, once so many inferences are."""

    async def reached() -> bool:
        return counted(port)[0] >= inferences

    await until(reached)
    return counted(port)


def counted(port: int) -> list[float]:
    """Inferences, and executions of the model for them, as Triton's metrics have them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    found = [re.search(rf'^{name}{{[^}}]*model="{MODEL}"[^}}]*}} (\S+)$', text, re.MULTILINE) for name in NAMES]
    return [float(match[1]) if match else 0.0 for match in found]
