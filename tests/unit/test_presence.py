"""Whether a code is in a photo: found in the right one and in its re-encoded copies, not found in another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from services.imaging import perturb, presence
from services.imaging.resample import GRID_SIZE

PHOTOS = {"astronaut": data.astronaut(), "coffee": data.coffee(), "chelsea": data.chelsea(), "rocket": data.rocket()}


def code_for(name: str) -> np.ndarray:
    """Random cells at about 42 dB, as strong as the sealed tier's."""
    lower, upper = perturb.headroom(PHOTOS[name])
    shape = np.random.default_rng(list(PHOTOS).index(name)).normal(0, 3.0, (3, GRID_SIZE, GRID_SIZE))
    return np.rint(np.clip(shape, lower, upper)).astype(np.int8)


@pytest.mark.parametrize("name", PHOTOS)
def test_found_in_the_right_photo_and_in_a_small_jpeg_of_it(name: str) -> None:
    protected = perturb.add(PHOTOS[name], code_for(name))
    assert presence.is_present(protected, code_for(name))
    small = cv2.resize(protected, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    ok, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert ok
    assert presence.is_present(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), code_for(name))


@pytest.mark.parametrize("name", PHOTOS)
def test_not_found_in_another_photo(name: str) -> None:
    for other in PHOTOS:
        if other != name:
            assert not presence.is_present(perturb.add(PHOTOS[other], code_for(other)), code_for(name))


def test_an_empty_code_is_everywhere() -> None:
    assert presence.is_present(PHOTOS["coffee"], np.zeros((3, GRID_SIZE, GRID_SIZE), dtype=np.int8))
