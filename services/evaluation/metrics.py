"""Figures between two photos of one size, on stored 8-bit values."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging.strips import in_strips

_STRIP = 64
#: The Gaussian window reaches this far.
_RADIUS = 5


def mean_squared_error(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean squared difference in levels squared. a, b: shape (H, W, 3)."""
    # Squares of whole numbers, and their sum is one: exact in float64.
    return cv2.norm(a, b, cv2.NORM_L2SQR) / a.size


def psnr_db(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB, data range 255; infinite where the two are equal, never capped."""
    error = mean_squared_error(a, b)
    return math.inf if error == 0 else 10.0 * math.log10(255.0**2 / error)


def l2(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """L2 norm of the difference over all values, in the paper's range 0..1 (section 4.2)."""
    return math.sqrt(mean_squared_error(a, b) * a.size) / 255.0


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Structural similarity, -1..1: Wang et al. (2004), Gaussian window of 1.5 pixels, mean over channels and pixels.

    Pixels nearer than the window's radius to the border are left out. Works in strips, where scikit-image would take
    gigabytes at 50 megapixels.

    Args:
        a, b: shape (H, W, 3), at least 11 pixels a side.
    """
    inner_height: int = a.shape[0] - 2 * _RADIUS
    sums: list[float] = []

    def strip(start: int, stop: int) -> None:
        rows = slice(start, stop + 2 * _RADIUS)
        similarity = _similarity(a[rows].astype(np.float32), b[rows].astype(np.float32))
        sums.append(float(similarity[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS].sum(dtype=np.float64)))

    in_strips(strip, inner_height, a.shape[1], _STRIP)
    count: int = inner_height * (int(a.shape[1]) - 2 * _RADIUS) * 3
    return math.fsum(sums) / count


def _similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """SSIM of each pixel, equation (13) of Wang et al. with K1 = 0.01, K2 = 0.03."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    product = mean_a * mean_b
    squares = mean_a * mean_a + mean_b * mean_b
    variances = _blur(a * a) + _blur(b * b) - squares
    covariance = _blur(a * b) - product
    similarity = ((2 * product + c1) * (2 * covariance + c2)) / ((squares + c1) * (variances + c2))
    return similarity.astype(np.float32, copy=False)


def _blur(x: NDArray[np.float32]) -> NDArray[np.float32]:
    size = (2 * _RADIUS + 1, 2 * _RADIUS + 1)
    return cv2.GaussianBlur(x, size, sigmaX=1.5, borderType=cv2.BORDER_REFLECT).astype(np.float32, copy=False)
