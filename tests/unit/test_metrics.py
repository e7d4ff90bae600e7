"""The metrics, against scikit-image and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from services.evaluation import metrics


@pytest.fixture(params=[1.0, 4.0, 25.0], ids=lambda level: f"noise {level}")
def pair(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    a = data.coffee()[:300, :411]
    noise = np.random.default_rng(0).normal(0, request.param, a.shape)
    return a, np.clip(np.rint(a + noise), 0, 255).astype(np.uint8)


def test_psnr(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert metrics.psnr_db(*pair) == pytest.approx(peak_signal_noise_ratio(*pair), rel=1e-9)


def test_ssim(pair: tuple[np.ndarray, np.ndarray]) -> None:
    reference = structural_similarity(
        *pair, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert metrics.ssim(*pair) == pytest.approx(reference, abs=2e-4)


def test_l2(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    assert metrics.l2(a, b) == pytest.approx(float(np.linalg.norm((a / 255.0 - b / 255.0).ravel())), rel=1e-9)


def test_equal_photos_are_infinitely_close_and_one_level_is_not() -> None:
    a = data.coffee()
    assert metrics.psnr_db(a, a) == math.inf
    assert metrics.ssim(a, a) == pytest.approx(1.0, abs=1e-6)
    b = a.copy()
    b[0, 0, 0] ^= 1
    # One level in one of 720,000 values: a metric with a floor would stop short of this.
    assert metrics.psnr_db(a, b) == pytest.approx(48.1308 + 10 * math.log10(a.size), abs=1e-3)
