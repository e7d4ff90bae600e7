"""The GPU profile on a real server: calls that arrive together are run together."""

from __future__ import annotations

import asyncio
from pathlib import Path

from triton_support import answering, batch, copied, prepared, serving, settled

from services.inference.triton import TritonBackend
from services.triton_server.fetch import Installation

MODEL = "recoverer"


async def test_in_the_gpu_profile_calls_of_one_moment_become_batches(triton: Installation, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    server = prepared(triton, copied(tmp_path / "models", [MODEL]), profile="gpu")
    with serving(server) as url:
        await answering(url, [MODEL])
        backend = TritonBackend(url)
        before = await settled(server.settings.metrics_port, MODEL)  # warming up, and ``answering``
        await asyncio.gather(*(backend.infer(MODEL, batch(MODEL, 1)) for _ in range(64)))
        await backend.close()
        after = await settled(server.settings.metrics_port, MODEL)
    inferences, executions = (now - then for now, then in zip(after, before, strict=True))
    assert inferences == 64
    assert inferences / executions > 2
