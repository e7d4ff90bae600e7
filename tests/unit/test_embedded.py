"""Inferences in process run side by side, on a thread each, and company changes no answer."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from triton_support import batch

from services.inference.canary import canary_inputs
from services.inference.embedded import EmbeddedBackend

REPOSITORY = Path(__file__).parents[2] / "triton_models"


async def test_inferences_run_side_by_side_on_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = EmbeddedBackend(REPOSITORY, threads=2)
    together = threading.Barrier(2, timeout=20)
    threads = []

    def run(*_: Any) -> None:
        together.wait()
        threads.append(torch.get_num_threads())

    monkeypatch.setattr(backend, "_run", run)
    await asyncio.gather(*(backend.infer("recoverer", canary_inputs("recoverer")) for _ in range(2)))
    await backend.close()
    assert threads == [1, 1]


@pytest.mark.parametrize("model", ["protector", "refiner", "classifier_efficientnet_lite0"])
async def test_company_changes_no_answer(model: str) -> None:
    backend = EmbeddedBackend(REPOSITORY, threads=2)
    asked = [batch(model, 1, seed) for seed in range(2)]
    alone = [(await backend.infer(model, tensors)).tensors["OUTPUT__0"] for tensors in asked]
    together = await asyncio.gather(*(backend.infer(model, tensors) for tensors in asked))
    await backend.close()
    assert all(np.array_equal(a.tensors["OUTPUT__0"], b) for a, b in zip(together, alone, strict=True))
