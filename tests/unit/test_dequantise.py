"""Estimates of a JPEG's coefficients, against numerical integration and against what an encoder did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.imaging import dequantise
from services.imaging.dequantise import QuantiserSteps

RANDOM = np.random.default_rng(0)


@given(st.floats(-60, 60), st.floats(0.5, 50), st.floats(0.1, 100))
@settings(max_examples=200)
def test_the_mean_of_a_cut_laplace_distribution_is_that_of_its_integral(
    found: float, reach: float, scale: float
) -> None:
    scale = min(max(scale, reach / 25), 25 * reach)  # as the module keeps it
    x = np.linspace(found - reach, found + reach, 200_001)
    weight = np.exp(-(np.abs(x) - np.abs(x).min()) / scale)
    mean, size = dequantise._smooth_means(
        np.array([[found]], np.float32), reach, np.array([[scale]], np.float32)
    )  # fmt: skip
    assert mean.item() == pytest.approx((weight * x).sum() / weight.sum(), abs=0.005 * reach)
    assert size.item() == pytest.approx((weight * np.abs(x)).sum() / weight.sum(), abs=0.005 * reach)


@given(st.floats(-60, 60), st.floats(1.5, 20), st.floats(1.5, 30), st.floats(0.5, 100))
@settings(max_examples=200)
def test_on_steps_the_mean_is_that_of_all_multiples(found: float, reach: float, step: float, scale: float) -> None:
    scale = max(scale, abs(found) / 9)  # as the module keeps it: the mean of nine blocks, of which this is one
    multiples = step * np.arange(-100, 101)
    inside = -np.logaddexp(0.0, (np.abs(multiples - found) - reach) / 0.18)  # logarithms of a logistic edge
    chances = inside - np.abs(multiples) / scale
    weights = np.exp(chances - chances.max())

    mean, size = dequantise._lattice_means(
        np.array([[found]], np.float32), reach, np.array([[scale]], np.float32), step
    )  # fmt: skip

    if inside.max() > -5.0:  # where the found value is a possible one
        assert mean.item() == pytest.approx((weights * multiples).sum() / weights.sum(), abs=0.01 * step)
        assert size.item() == pytest.approx((weights * np.abs(multiples)).sum() / weights.sum(), abs=0.01 * step)


def test_a_plane_comes_back_from_its_coefficients() -> None:
    plane = RANDOM.normal(0, 50, (40, 72)).astype(np.float32)
    back = dequantise.from_coefficients(dequantise.coefficients(plane))
    assert np.abs(back - plane).max() < 1e-3


@pytest.mark.parametrize("step", [2.0, 6.0, 16.0])
@pytest.mark.parametrize("own_step", [None, 5.0])
def test_nearer_than_plain_subtraction_where_the_quantiser_was_coarse(step: float, own_step: float | None) -> None:
    original = dequantise.from_coefficients(laplacian(own_step))
    code = np.kron(RANDOM.normal(0, 3, (16, 16)), np.ones((8, 8))).astype(np.float32)
    kept = step * np.rint(dequantise.coefficients(original + code) / step)
    copy = np.rint(dequantise.from_coefficients(kept))
    table = np.full((8, 8), step, np.float32)
    steps = QuantiserSteps(table, None if own_step is None else np.full((8, 8), own_step, np.float32))

    restored = dequantise.restored(copy.astype(np.float32), code, steps)

    assert np.square(restored - original).mean() < np.square(copy - code - original).mean()


def laplacian(step: float | None) -> np.ndarray:
    """Coefficients of 16 x 16 blocks that get smaller with frequency, as a photo's, and whole numbers of a step."""
    frequency = 1 + np.add.outer(np.arange(8), np.arange(8))[..., None, None]
    coefficients = RANDOM.laplace(0, 40 / frequency**1.5, (8, 8, 16, 16)).astype(np.float32)
    return coefficients if step is None else step * np.rint(coefficients / step)
