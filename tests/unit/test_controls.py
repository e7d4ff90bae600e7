"""The controls are as strong as what they are held against."""

from __future__ import annotations

import numpy as np
import pytest

from services.evaluation.metrics import psnr_db
from services.imaging import perturb
from services.imaging.resample import GRID_SIZE
from training import controls


@pytest.mark.parametrize("db", [32.0, 42.0])
@pytest.mark.parametrize("kind", ["stripes", "random"])
def test_a_control_has_the_strength_asked_for(db: float, kind: str) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(40, 216, (300, 260, 3), dtype=np.uint8)
    shape = controls.stripes() if kind == "stripes" else controls.random_code(random)
    lower, upper = perturb.headroom(pixels)
    code = controls.at_strength(shape, 255 * 10 ** (-db / 20), lower, upper)
    # Whole levels cannot meet a strength exactly: at 42 dB one level is most of the perturbation.
    assert psnr_db(pixels, perturb.add(pixels, code)) == pytest.approx(db, abs=2.0)


def test_controls_differ_from_cell_to_cell() -> None:
    assert controls.stripes().shape == (3, GRID_SIZE, GRID_SIZE)
    assert set(np.unique(controls.stripes()[:, :, 0])) == {-1.0}
    assert set(np.unique(controls.stripes()[:, :, 1])) == {1.0}
