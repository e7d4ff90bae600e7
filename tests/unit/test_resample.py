"""Both directions of the resampler, against a reference and against its own promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from services.imaging import resample
from services.imaging.resample import GRID_SIZE, WEIGHT_UNIT, WORKING_SIZE, axis_footprints, axis_weights, down, up_rows


def random_code(seed: int, limit: int = 127) -> np.ndarray:
    return np.random.default_rng(seed).integers(-limit, limit + 1, (3, GRID_SIZE, GRID_SIZE)).astype(np.int8)


@given(st.integers(1, 3000))
@settings(max_examples=60)
def test_weights_are_whole_and_sum_to_the_unit(pixels: int) -> None:
    weights = axis_weights(pixels)
    assert np.array_equal(weights, np.rint(weights))
    assert weights.min() >= 0
    assert np.all(weights.sum(axis=1) == WEIGHT_UNIT)


@given(st.integers(1, 3000))
@settings(max_examples=60)
def test_every_pixel_a_cell_can_change_is_in_its_footprint(pixels: int) -> None:
    touched = axis_weights(pixels) > 0
    for cell, (start, stop) in enumerate(axis_footprints(pixels)):
        assert 0 <= start < stop <= pixels
        outside = np.r_[touched[:start, cell], touched[stop:, cell]]
        assert not outside.any()


@pytest.mark.parametrize(("height", "width"), [(224, 224), (320, 213), (1080, 1920), (56, 57), (32, 40), (33, 900)])
def test_up_is_antialiased_bilinear(height: int, width: int) -> None:
    code = random_code(height)
    reference = F.interpolate(
        torch.from_numpy(code)[None].double(), (height, width), mode="bilinear", align_corners=False, antialias=True
    )[0].numpy()
    ours = up_rows(code, height, width, 0, height)
    # 8-bit weights on two axes, each off by at most half a unit, and the rounding to whole levels.
    assert np.abs(ours - reference).max() <= 0.5 + 2 * 2 * 127 / WEIGHT_UNIT


def test_up_equals_integer_arithmetic() -> None:
    height, width = 391, 517
    code = random_code(1)
    rows, columns = axis_weights(height).astype(np.int64), axis_weights(width).astype(np.int64)
    exact = np.einsum("hr,crk,wk->chw", rows, code.astype(np.int64), columns)
    assert np.array_equal(up_rows(code, height, width, 0, height), (exact + 2**15) >> 16)


@given(st.integers(32, 700), st.integers(32, 700), st.integers(0, 5))
@settings(max_examples=30)
def test_up_never_goes_beyond_the_cells(height: int, width: int, seed: int) -> None:
    code = random_code(seed, limit=20)
    moved = up_rows(code, height, width, 0, height)
    assert moved.max() <= code.max()
    assert moved.min() >= code.min()


def test_strips_are_the_whole() -> None:
    code = random_code(2)
    whole = up_rows(code, 500, 300, 0, 500)
    assert np.array_equal(
        whole, np.concatenate([up_rows(code, 500, 300, a, a + 125) for a in range(0, 500, 125)], axis=1)
    )


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_down_averages_areas(factor: int) -> None:
    side = WORKING_SIZE * factor
    pixels = np.random.default_rng(factor).integers(0, 256, (side, side, 3), dtype=np.uint8)
    means = pixels.reshape(WORKING_SIZE, factor, WORKING_SIZE, factor, 3).mean(axis=(1, 3))
    assert np.abs(down(pixels).transpose(1, 2, 0) - means).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 4000), (4000, 32), (223, 225), (3000, 4000)])
def test_down_has_one_shape_and_keeps_flat_photos_flat(height: int, width: int) -> None:
    working = down(np.full((height, width, 3), (10, 128, 250), dtype=np.uint8))
    assert working.shape == (3, WORKING_SIZE, WORKING_SIZE)
    assert working.dtype == np.uint8
    assert [set(np.unique(channel)) for channel in working] == [{10}, {128}, {250}]


def test_down_keeps_the_photo_the_right_way_up() -> None:
    pixels = np.zeros((300, 400, 3), dtype=np.uint8)
    pixels[:150, 200:, 2] = 255
    working = down(pixels)
    assert working[2, :100, 124:].min() == 255
    assert working[2, 124:].max() == 0
    assert working[:2].max() == 0


def test_what_would_fill_the_memory_is_not_kept_and_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert axis_weights(4000) is axis_weights(4000)
    assert axis_weights(40_000) is not axis_weights(40_000)
    in_parts = axis_weights(40_000)
    monkeypatch.setattr(resample, "_AT_ONCE", 40_000)
    assert np.array_equal(axis_weights(40_000), in_parts)
