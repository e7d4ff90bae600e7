"""Inferences in process run side by side, on a thread each, company changes no answer, and waits are told."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from triton_support import batch

from services.errors import UnavailableError, UnknownModelError
from services.inference.backend import Inference
from services.inference.canary import canary_inputs
from services.inference.deadline import within
from services.inference.embedded import EmbeddedBackend
from services.rpc.measured import MeasuredBackend
from services.rpc.metrics import Metrics

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


async def test_whoever_gives_up_before_their_turn_is_counted_with_their_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded, metrics = EmbeddedBackend(REPOSITORY, threads=1), Metrics()
    backend = MeasuredBackend(embedded, "embedded", metrics)
    go_on = threading.Event()

    def run(*_: Any) -> Inference:
        go_on.wait(20)
        return Inference("1", {})

    def told(what: str) -> float:
        name = f"srae_inference_queue_seconds_{what}"
        return metrics.registry.get_sample_value(name, {"model": "recoverer"}) or 0.0

    async def infer() -> None:
        await backend.infer("recoverer", canary_inputs("recoverer"))

    monkeypatch.setattr(embedded, "_run", run)
    first = asyncio.create_task(infer())
    await asyncio.sleep(0.1)
    with pytest.raises(UnavailableError), within(0.3):
        await infer()
    assert told("count") == 1.0
    assert told("sum") > 0.25

    gone = asyncio.create_task(infer())
    await asyncio.sleep(0.3)
    gone.cancel()
    await asyncio.wait([gone])
    assert told("count") == 2.0
    of_both = told("sum")
    assert of_both > 0.5

    go_on.set()
    await first
    assert told("count") == 3.0
    assert told("sum") - of_both < 0.3, "the first had its turn at once, however long it ran"
    await backend.close()


async def test_a_canary_tells_a_model_that_is_not_there_from_one_that_fails(tmp_path: Path) -> None:
    backend = EmbeddedBackend(tmp_path, threads=1)
    with pytest.raises(UnknownModelError):
        await backend.ready("recoverer")
    await backend.close()
