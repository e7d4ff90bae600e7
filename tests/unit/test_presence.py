"""Whether a code is in a photo: found in the right one and in its re-encoded copies, not found in another."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from services.imaging import perturb, pipeline, presence
from services.imaging.photo import FileTraits, Photo
from services.imaging.receipt import Tier
from services.imaging.resample import GRID_SIZE
from services.inference.embedded import EmbeddedBackend

REPOSITORY = Path(__file__).parents[2] / "triton_models"
TRAITS = FileTraits("image/png", 1, lossless=True)
PHOTOS = {"astronaut": data.astronaut(), "coffee": data.coffee(), "chelsea": data.chelsea(), "rocket": data.rocket()}


def code_for(name: str) -> np.ndarray:
    """Random cells at about 42 dB, as strong as the sealed tier's."""
    lower, upper = perturb.headroom(PHOTOS[name])
    shape = np.random.default_rng(list(PHOTOS).index(name)).normal(0, 3.0, (3, GRID_SIZE, GRID_SIZE))
    return np.rint(np.clip(shape, lower, upper)).astype(np.int8)


@pytest.mark.parametrize("name", PHOTOS)
def test_found_in_the_right_photo_and_in_a_small_jpeg_of_it(name: str) -> None:
    protected = perturb.add(PHOTOS[name], code_for(name))
    assert presence.score(protected, code_for(name)) > presence.THRESHOLD
    small = cv2.resize(protected, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    ok, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert ok
    assert presence.score(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), code_for(name)) > presence.THRESHOLD


def test_found_in_a_photo_whose_detail_is_as_coarse_as_the_codes() -> None:
    chance = np.random.default_rng(2)
    blobs = cv2.GaussianBlur(chance.normal(0.0, 1.0, (224, 224, 3)).astype(np.float32), (0, 0), 4.0)
    photo = np.clip(128.0 + 60.0 * blobs / blobs.std(), 12, 243).astype(np.uint8)
    code, wrong = (2 * chance.integers(-1, 2, (3, GRID_SIZE, GRID_SIZE)).astype(np.int8) for _ in range(2))
    ok, jpeg = cv2.imencode(".jpg", perturb.add(photo, code), [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert ok
    copy = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert presence.score(copy, code) > presence.THRESHOLD
    assert presence.score(copy, wrong) <= presence.THRESHOLD


@pytest.mark.parametrize("name", PHOTOS)
def test_not_found_in_another_photo(name: str) -> None:
    for other in PHOTOS:
        if other != name:
            assert presence.score(perturb.add(PHOTOS[other], code_for(other)), code_for(name)) <= presence.THRESHOLD


@pytest.fixture(scope="module")
def one_pass_codes() -> dict[str, np.ndarray]:
    """Codes that the product writes, for a white photo too: white leaves room for one side of a code only."""
    backend = EmbeddedBackend(REPOSITORY)
    photos = {**PHOTOS, "white": np.full((300, 400, 3), 255, np.uint8)}
    return {
        name: asyncio.run(pipeline.find_code(Photo(pixels, TRAITS), Tier.ONE_PASS, backend)).code
        for name, pixels in photos.items()
    }


def test_a_code_that_was_made_for_another_photo_is_not_found(one_pass_codes: dict[str, np.ndarray]) -> None:
    for name, code in one_pass_codes.items():
        for other, pixels in PHOTOS.items():
            if other != name:
                assert presence.score(pixels, code) <= presence.THRESHOLD, (name, other)


@pytest.mark.parametrize("name", PHOTOS)
def test_a_code_is_not_found_in_the_original_that_it_was_made_for(
    name: str, one_pass_codes: dict[str, np.ndarray]
) -> None:
    """It is made for this photo's own detail, and follows it: more than chance, and less than a code that is there."""
    assert presence.score(PHOTOS[name], one_pass_codes[name]) <= presence.THRESHOLD
    assert presence.score(perturb.add(PHOTOS[name], one_pass_codes[name]), one_pass_codes[name]) > presence.THRESHOLD


@pytest.mark.parametrize("level", [0, 128, 255])
def test_nothing_is_found_in_a_photo_without_any_detail(level: int) -> None:
    assert presence.score(np.full((300, 400, 3), level, np.uint8), code_for("coffee")) <= presence.THRESHOLD


def test_an_empty_code_is_everywhere() -> None:
    assert presence.score(PHOTOS["coffee"], np.zeros((3, GRID_SIZE, GRID_SIZE), dtype=np.int8)) > presence.THRESHOLD
