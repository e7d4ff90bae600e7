"""The models that ship: exported as they are eager, within their bounds, and doing what they are for."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from services.evaluation.metrics import psnr_db
from services.imaging import perturb
from services.imaging.pipeline import STRENGTHS_DB
from services.imaging.receipt import Tier
from services.imaging.resample import GRID_SIZE, down
from services.inference.backend import CLASSIFIER_SIDES
from services.inference.canary import canary_inputs
from services.inference.embedded import EmbeddedBackend
from services.inference.signature import SIGNATURES
from training.models import shipped

REPOSITORY = Path(__file__).parents[2] / "triton_models"
WRITERS = ("protector", "refiner")
PHOTOS = {"astronaut": data.astronaut(), "coffee": data.coffee(), "chelsea": data.chelsea()}


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As many as the backend gives an inference: rounding depends on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def eager() -> dict[str, torch.nn.Module]:
    return shipped.served()


@pytest.fixture(scope="module")
def batch() -> dict[str, np.ndarray]:
    """The photos as one batch, with their headroom."""
    bounds = [perturb.headroom(pixels) for pixels in PHOTOS.values()]
    return {
        "INPUT__0": np.stack([down(pixels) for pixels in PHOTOS.values()]),
        "INPUT__1": np.stack([lower for lower, _ in bounds]),
        "INPUT__2": np.stack([upper for _, upper in bounds]),
        "INPUT__3": np.full((len(bounds), 1), STRENGTHS_DB[Tier.ONE_PASS], np.float32),
        "INPUT__4": np.stack([down(pixels, 240) for pixels in PHOTOS.values()]),
        "INPUT__6": np.zeros((len(bounds), 1), np.uint8),
        "INPUT__5": np.zeros_like(bounds[0][0], shape=(len(bounds), *bounds[0][0].shape)),
    }


@pytest.fixture(scope="module")
def written(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The codes that each exported writer gives the photos."""

    async def write() -> dict[str, np.ndarray]:
        backend = EmbeddedBackend(REPOSITORY)
        found = {name: (await backend.infer(name, inputs_of(name, batch))).tensors["OUTPUT__0"] for name in WRITERS}
        await backend.close()
        return found

    return asyncio.run(write())


def inputs_of(name: str, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if (side := CLASSIFIER_SIDES.get(name)) is not None:
        return {"INPUT__0": np.stack([down(pixels, side) for pixels in PHOTOS.values()])}
    return {key: batch[key] for key in canary_inputs(name)}


@pytest.mark.parametrize("name", SIGNATURES)
async def test_exported_and_eager_are_equal(
    name: str,
    eager: dict[str, torch.nn.Module],
    batch: dict[str, np.ndarray],
    written: dict[str, np.ndarray],
    one_thread: None,
) -> None:
    inputs = inputs_of(name, batch)
    backend = EmbeddedBackend(REPOSITORY)
    exported = written[name] if name in WRITERS else (await backend.infer(name, inputs)).tensors["OUTPUT__0"]
    await backend.close()
    answer = eager[name](*(torch.from_numpy(tensor) for tensor in inputs.values())).detach().numpy()
    assert exported.dtype == answer.dtype
    assert np.array_equal(exported, answer)


def test_the_same_weights_give_the_same_files(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training.export", "--repository", str(tmp_path)]
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "1"}, check=True, capture_output=True)
    for name in SIGNATURES:
        file = Path(name) / "1" / "model.pt"
        assert (tmp_path / file).read_bytes() == (REPOSITORY / file).read_bytes(), name


@pytest.mark.parametrize("name", WRITERS)
async def test_codes_stay_within_the_headroom_and_change_the_answer(
    name: str, batch: dict[str, np.ndarray], written: dict[str, np.ndarray]
) -> None:
    backend = EmbeddedBackend(REPOSITORY)
    codes = written[name]
    assert np.all(codes >= batch["INPUT__1"])
    assert np.all(codes <= batch["INPUT__2"])
    moved = np.stack([down(perturb.add(p, c)) for p, c in zip(PHOTOS.values(), codes, strict=True)])
    before, after = [
        (await backend.infer("classifier_efficientnet_lite0", {"INPUT__0": x})).tensors["OUTPUT__0"].argmax(axis=1)
        for x in (batch["INPUT__0"], moved)
    ]
    await backend.close()
    assert np.all(before != after)


@pytest.mark.parametrize("name", ["protector", "refiner", "recoverer"])
async def test_a_grey_photo_gets_a_grey_code(name: str, batch: dict[str, np.ndarray]) -> None:
    grey = {
        key: np.repeat(tensor[:1, :1], 3, axis=1) if tensor.ndim == 4 else tensor[:1]
        for key, tensor in inputs_of(name, batch).items()
    }
    backend = EmbeddedBackend(REPOSITORY)
    code = (await backend.infer(name, grey)).tensors["OUTPUT__0"]
    await backend.close()
    assert code.any()
    assert np.array_equal(code[:, 0], code[:, 1])
    assert np.array_equal(code[:, 0], code[:, 2])


async def test_the_recoverer_reads_some_of_what_the_protector_wrote(written: dict[str, np.ndarray]) -> None:
    backend = EmbeddedBackend(REPOSITORY)
    codes = written["protector"]
    moved = np.stack([down(perturb.add(p, c)) for p, c in zip(PHOTOS.values(), codes, strict=True)])
    read = (await backend.infer("recoverer", {"INPUT__0": moved})).tensors["OUTPUT__0"]
    await backend.close()
    assert codes.shape == (3, 3, GRID_SIZE, GRID_SIZE)
    # What it estimates brings each photo nearer to its original: by 1 dB or more.
    left = np.square(read.astype(float) - codes).mean(axis=(1, 2, 3))
    assert np.all(left < 10**-0.1 * np.square(codes.astype(float)).mean(axis=(1, 2, 3)))


@pytest.mark.parametrize("name", WRITERS)
async def test_one_of_a_batch_is_the_one_alone(
    name: str, batch: dict[str, np.ndarray], written: dict[str, np.ndarray]
) -> None:
    backend = EmbeddedBackend(REPOSITORY)
    inputs = inputs_of(name, batch)
    together = written[name][1]
    alone = (await backend.infer(name, {key: tensor[1:2] for key, tensor in inputs.items()})).tensors["OUTPUT__0"][0]
    await backend.close()
    # Another batch size may take another kernel, whose rounding the gradient steps magnify.
    assert np.corrcoef(together.ravel(), alone.ravel())[0, 1] > 0.9


async def test_each_photo_of_a_batch_has_its_own_strength(batch: dict[str, np.ndarray]) -> None:
    backend = EmbeddedBackend(REPOSITORY)
    inputs = {**batch, "INPUT__3": np.array([[44.0], [38.0], [41.0]], np.float32)}
    codes = (await backend.infer("refiner", inputs)).tensors["OUTPUT__0"]
    await backend.close()
    found = [psnr_db(pixels, perturb.add(pixels, code)) for pixels, code in zip(PHOTOS.values(), codes, strict=True)]
    assert found == pytest.approx([44.0, 38.0, 41.0], abs=1.0)
