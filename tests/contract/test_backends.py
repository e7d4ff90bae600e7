"""One contract for both backends: the same answers bit for bit, the same errors for the same misuse."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from triton_support import Server, batch

from services.errors import SraeError, UnavailableError, UnknownModelError
from services.imaging.resample import WORKING_SIZE
from services.inference.backend import Backend, Tensors
from services.inference.deadline import within
from services.inference.signature import MAX_BATCH, SIGNATURES
from services.triton_server.control import Control

# The refiner takes sixteen steps through two classifiers: its largest batch would take most of the suite's time.
SIZES = dict.fromkeys(SIGNATURES, (1, 2, 5, MAX_BATCH)) | {"refiner": (1, 3)}


@pytest.mark.parametrize(("model", "size"), [(model, size) for model, sizes in SIZES.items() for size in sizes])
async def test_both_give_the_same_bits(backends: dict[str, Backend], model: str, size: int) -> None:
    tensors = batch(model, size, seed=size)

    embedded, triton = [await backend.infer(model, tensors) for backend in backends.values()]

    assert embedded.model_version == triton.model_version == "1"
    assert embedded.tensors.keys() == triton.tensors.keys()
    for name, tensor in embedded.tensors.items():
        assert tensor.dtype == triton.tensors[name].dtype
        assert tensor.any()
        assert np.array_equal(tensor, triton.tensors[name])


async def test_concurrent_calls_are_not_mixed_up(backends: dict[str, Backend]) -> None:
    """Triton puts them into one batch and takes it apart again."""
    calls = [batch("recoverer", 1 + seed % 3, seed) for seed in range(12)]
    expected = [await backends["embedded"].infer("recoverer", tensors) for tensors in calls]
    answers = await asyncio.gather(*(backends["triton"].infer("recoverer", tensors) for tensors in calls))

    for right, answer in zip(expected, answers, strict=True):
        assert np.array_equal(right.tensors["OUTPUT__0"], answer.tensors["OUTPUT__0"])


def changed(name: str, tensor: np.ndarray | None) -> Tensors:
    """The protector's tensors with one that is changed or left out."""
    tensors = {**batch("protector", 2), name: tensor}
    return {key: value for key, value in tensors.items() if value is not None}


IMAGE = (3, WORKING_SIZE, WORKING_SIZE)
MISUSES = {
    "unknown model": ("nothing", batch("recoverer", 1), "", UnknownModelError),
    "unknown version": ("recoverer", batch("recoverer", 1), "99", UnknownModelError),
    "no version": ("recoverer", batch("recoverer", 1), "newest", UnknownModelError),
    "path for a version": ("recoverer", batch("recoverer", 1), "../1", UnknownModelError),
    "missing tensor": ("protector", changed("INPUT__2", None), "", ValueError),
    "further tensor": ("protector", changed("INPUT__9", np.zeros((2, 1), np.int8)), "", ValueError),
    "shape": ("protector", changed("INPUT__0", np.zeros((2, 3, 32, 32), np.uint8)), "", ValueError),
    "no shape": ("protector", changed("INPUT__0", np.zeros((), np.uint8)), "", ValueError),
    "type": ("protector", changed("INPUT__0", np.zeros((2, *IMAGE), np.float32)), "", ValueError),
    "two batches": ("protector", changed("INPUT__0", np.zeros((3, *IMAGE), np.uint8)), "", ValueError),
    "empty batch": ("recoverer", {"INPUT__0": np.zeros((0, *IMAGE), np.uint8)}, "", ValueError),
    "large batch": ("recoverer", {"INPUT__0": np.zeros((MAX_BATCH + 1, *IMAGE), np.uint8)}, "", ValueError),
}


@pytest.mark.parametrize("misuse", MISUSES)
async def test_both_refuse_misuse_with_the_same_words(backends: dict[str, Backend], misuse: str) -> None:
    model, tensors, version, kind = MISUSES[misuse]
    told = []
    for backend in backends.values():
        with pytest.raises(kind) as caught:
            async with asyncio.timeout(5):
                await backend.infer(model, tensors, version)
        told.append(str(caught.value))
        assert await backend.ready("recoverer")
    assert told[0] == told[1]


class _Raises(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        # A reshape that no input fits: what a broken model does at its first real photo.
        return image[:, :, ::4, ::4].reshape(7, 7).to(torch.int8)


async def test_a_model_that_raises_is_unavailable_on_both(
    backends: dict[str, Backend], server: Server, repository: Path
) -> None:
    folder = repository / "recoverer" / "2"
    folder.mkdir()
    torch.jit.script(_Raises()).save(str(folder / "model.pt"))
    config = repository / "recoverer" / "config.pbtxt"
    text = config.read_text()
    # The warm-up would take the whole server down; srae-models refuses such a version before it is loaded.
    config.write_text(text[: text.index("model_warmup")])
    async with Control(server.url) as control:
        try:
            await control.load("recoverer")
            for backend in backends.values():
                with pytest.raises(UnavailableError, match="failed"):
                    await backend.infer("recoverer", batch("recoverer", 1))
                assert not await backend.ready("recoverer")
                assert (await backend.infer("recoverer", batch("recoverer", 1), "1")).model_version == "1"
        finally:
            shutil.rmtree(folder)
            config.write_text(text)
            await control.load("recoverer")
    for backend in backends.values():
        assert (await backend.infer("recoverer", batch("recoverer", 1))).model_version == "1"


async def test_neither_lets_a_caller_wait_beyond_the_deadline(backends: dict[str, Backend]) -> None:
    for backend in backends.values():
        with pytest.raises(SraeError) as caught, within(0.2):
            await backend.infer("refiner", batch("refiner", 4))
        assert isinstance(caught.value, UnavailableError)
