"""How different two photos look."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def gradient_similarity_deviation(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """GMSD of Xue et al. (2014): 0 where equal, larger where the eye sees more; grey, at half size, as published.

    a, b: shape (H, W, 3), at least 6 pixels a side.
    """
    first, second = (_edges(pixels) for pixels in (a, b))
    stability = 170.0  # the paper's constant for 8 bits
    similarity = (2 * first * second + stability) / (first * first + second * second + stability)
    return float(similarity.std())


def _edges(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Magnitude of the Prewitt gradient."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float64)
    grey = cv2.blur(grey, (2, 2))[::2, ::2]
    prewitt = np.array([[1, 0, -1]] * 3) / 3.0
    across, along = (cv2.filter2D(grey, -1, kernel) for kernel in (prewitt, prewitt.T))
    return np.hypot(across, along)
