"""Training in miniature: its layers are the product's, its losses are what they say, and a run resumes bit for bit."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from services.imaging import perturb
from services.imaging.resample import GRID_SIZE, WORKING_SIZE, up_rows
from training.data.photos import DECODED_SIZE, DataMissingError, caltech101, development_photos
from training.losses import margin_loss, recovery_loss
from training.models import classifiers
from training.models.grid import Up, headroom
from training.models.recoverer import RecovererConfig
from training.train_recoverer import Pairs, Recipe, Run

SMALL = RecovererConfig(width=8, blocks=1)


def working_image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, WORKING_SIZE, WORKING_SIZE), dtype=np.uint8)


def test_up_is_the_products() -> None:
    code = np.random.default_rng(0).integers(-20, 21, (3, GRID_SIZE, GRID_SIZE)).astype(np.int8)
    ours = torch.round(Up()(torch.from_numpy(code)[None].float()))[0].numpy()
    products = up_rows(code, WORKING_SIZE, WORKING_SIZE, 0, WORKING_SIZE)
    # Halves round to even in one and up in the other.
    assert np.abs(ours - products).max() <= 1
    assert np.mean(ours == products) > 0.95


def test_headroom_is_the_products() -> None:
    image = working_image()
    lower, upper = headroom(torch.from_numpy(image)[None].float())
    expected = perturb.headroom(np.ascontiguousarray(image.transpose(1, 2, 0)))
    assert np.array_equal(np.maximum(lower[0].numpy(), -127), expected[0])
    assert np.array_equal(np.minimum(upper[0].numpy(), 127), expected[1])


def test_the_margin_loss_by_hand() -> None:
    logits = torch.tensor([[3.0, 1.0, 0.0], [0.0, 9.0, 1.0]])
    assert margin_loss(logits, torch.tensor([0, 0]), confidence=4.0).tolist() == [2.0, -4.0]


def test_the_recovery_loss_is_one_for_an_estimate_of_nothing() -> None:
    code = torch.full((1, 3, 4, 4), 30.0)
    assert float(recovery_loss(torch.zeros_like(code), code)) == pytest.approx(1.0, abs=2e-3)
    assert float(recovery_loss(code, code)) == 0.0


def test_folding_changes_nothing() -> None:
    x = torch.from_numpy(working_image())[None].float()
    with torch.no_grad():
        folded = classifiers.load_classifier(0)(x)
        published = classifiers._load(0)((x - 127.0) / 128.0)
    assert torch.allclose(folded, published, atol=1e-3)


def test_features_halfway_count_as_much_as_the_last() -> None:
    network = classifiers.load_classifier(0)
    x = torch.from_numpy(working_image())[None].float()
    y = torch.flip(x, dims=[3])
    both_of = classifiers.WithFeatures(network, block=10)
    with torch.no_grad():
        last = [classifiers.WithFeatures(network)(photo) for photo in (x, y)]
        both = [both_of(photo) for photo in (x, y)]
        halfway = [both_of.keep(photo)[0][0] for photo in (x, y)]
    assert torch.equal(last[0][0], both[0][0])
    assert halfway[0].shape == (1, 112, 14, 14)
    places = [functional.adaptive_avg_pool2d(seen, 7).flatten(1) for seen in halfway]
    expected = [functional.cosine_similarity(*pair) for pair in ([features for _, features in last], places)]
    assert 0 < expected[1] < expected[0] < 1
    cosine = functional.cosine_similarity(both[0][1], both[1][1])
    assert torch.allclose(cosine, (expected[0] + expected[1]) / 2, atol=1e-5)


@pytest.mark.parametrize("variant", [0, 1])
@pytest.mark.parametrize("block", [None, 10])
@pytest.mark.parametrize("size", [(224, 224), (201, 230)])
def test_the_slope_by_hand_is_that_of_autograd(variant: int, block: int | None, size: tuple[int, int]) -> None:
    network = classifiers.WithFeatures(classifiers.load_classifier(variant), block)
    x = torch.from_numpy(working_image())[None].float()
    x = torch.cat([x, x.flip(3)])[:, :, : size[0], :]
    x = functional.interpolate(x, size=size).requires_grad_(True)

    def loss(logits: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        return logits[:, 3].sum() + features.square().sum()

    expected = torch.autograd.grad(loss(*network(x)), x)[0]
    with torch.no_grad():
        maps, kept = network.keep(x)
    ends = [end.detach().requires_grad_(True) for end in maps]
    slopes = torch.autograd.grad(loss(*network.answer(ends)), ends)
    with torch.no_grad():
        found = network.back(list(slopes), kept)
    assert not kept
    assert torch.allclose(found, expected, atol=1e-5 * float(expected.abs().max()))


@pytest.fixture
def pairs() -> Pairs:
    """Plain photos, in which a code is easy to see."""
    random = np.random.default_rng(0)
    photos = np.full((4, DECODED_SIZE, DECODED_SIZE, 3), 128, dtype=np.uint8)
    return Pairs(photos, random.integers(-2, 3, (4, 3, GRID_SIZE, GRID_SIZE)).astype(np.int8) * 8)


def test_a_run_resumes_bit_for_bit(pairs: Pairs, tmp_path: Path) -> None:
    recipe = Recipe(steps=3, batch=2)
    whole, first, second = Run(SMALL, recipe), Run(SMALL, recipe), Run(SMALL, recipe)
    for _ in range(3):
        whole.train_step(pairs)
    first.train_step(pairs)
    first.save(tmp_path)
    second.load(tmp_path)
    while second.step < 3:
        second.train_step(pairs)
    for (name, a), b in zip(whole.recoverer.state_dict().items(), second.recoverer.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_training_lowers_the_recovery_loss(pairs: Pairs) -> None:
    run = Run(SMALL, Recipe(steps=100, batch=2, learning_rate=0.03, intact=1.0))
    found = [run.train_step(pairs)["recovery"] for _ in range(40)]
    assert np.mean(found[-3:]) < 0.8 * np.mean(found[:3])


def test_an_example_is_what_the_product_makes_of_the_photo_and_the_code(pairs: Pairs) -> None:
    run = Run(SMALL, Recipe(batch=2, intact=1.0))
    image, code = run.example(pairs, 0)
    assert image.shape == (3, WORKING_SIZE, WORKING_SIZE)
    # Plain photos shrink to plain ones: what is left is the code, brought up and down again.
    moved = image.astype(int) - 128
    centre = moved[:, 2::4, 2::4]
    assert np.corrcoef(centre.ravel(), code.astype(int).ravel())[0, 1] > 0.8


def test_a_platform_leaves_something_else(pairs: Pairs) -> None:
    run = Run(SMALL, Recipe(batch=2, intact=0.0))
    photo = np.random.default_rng(0).integers(0, 256, (300, 280, 3), dtype=np.uint8)
    found = {run.platform(photo).shape for _ in range(20)}
    assert len(found) > 1
    assert all(height <= 300 and width <= 280 for height, width, _ in found)


def test_missing_data_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match=r"caltech101/101_ObjectCategories.*SRAE_DATA.*Published"):
        caltech101(tmp_path, tmp_path / "cache")
    with pytest.raises(DataMissingError, match=r"labels\.json"):
        development_photos(tmp_path)


def test_the_split_is_the_same_every_time_and_leaves_no_photo_in_both(tmp_path: Path) -> None:
    folder = tmp_path / "caltech101" / "101_ObjectCategories" / "cup"
    folder.mkdir(parents=True)
    for index in range(40):
        cv2.imwrite(str(folder / f"image_{index:04}.jpg"), np.full((50, 60, 3), 6 * index, dtype=np.uint8))
    split, again = (caltech101(tmp_path, tmp_path / name) for name in ("a", "a"))
    assert len(split.train) + len(split.test) == 40
    assert len(split.test) > 0
    assert np.array_equal(split.test, again.test)
    levels = [{int(photo.mean().round()) // 6 for photo in part} for part in (split.train, split.test)]
    assert not levels[0] & levels[1]
