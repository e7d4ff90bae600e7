"""Wavelet denoising by scikit-image, for the defenses that end or begin with it."""

from __future__ import annotations

import numpy as np
import torch
from skimage.restoration import denoise_wavelet
from torch import Tensor


def bayes_shrink(x: Tensor, sigma: float) -> Tensor:
    """Soft thresholding of each image's wavelet coefficients at BayesShrink's thresholds.

    Args:
        x: shape (N, C, H, W), range [0, 1].
        sigma: standard deviation of the noise, in [0, 1].
    """
    images = x.permute(0, 2, 3, 1).cpu().numpy()
    found = np.stack([_one(image, sigma) for image in images])
    return torch.from_numpy(found).permute(0, 3, 1, 2).to(x.device, torch.float32).clamp(0.0, 1.0)


def _one(image: np.ndarray, sigma: float) -> np.ndarray:
    colour = image.shape[-1] == 3
    found: np.ndarray = denoise_wavelet(
        image if colour else image[..., 0],
        sigma=sigma,
        mode="soft",
        method="BayesShrink",
        channel_axis=-1 if colour else None,
        convert2ycbcr=colour,
    )
    return found.reshape(image.shape)
