"""What platforms innocently do to a picture: the transforms of Figure 7, and Gaussian noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from training.jpeg import jpeg

#: Images (N, C, H, W) in [0, 1] to the same shape and range.
Distortion = Callable[[Tensor], Tensor]


def none(x: Tensor) -> Tensor:
    """The undisturbed case."""
    return x


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Convolves with a Gaussian of standard deviation ``sigma`` pixels, cut off at four of them; edges are mirrored."""
    # A mirror is at most one pixel shorter than the image.
    radius = min(math.ceil(4.0 * sigma), x.shape[-1] - 1, x.shape[-2] - 1)
    steps = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    weights = torch.exp(-0.5 * (steps / sigma).square())
    weights = weights / weights.sum()
    channels = x.shape[1]
    padded = F.pad(x, (radius, radius, radius, radius), mode="reflect")
    rows = F.conv2d(padded, weights.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
    return F.conv2d(rows, weights.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)


def centre_crop(x: Tensor, proportion: float) -> Tensor:
    """Keeps the middle ``proportion`` of each side, and brings it back to the size."""
    height, width = x.shape[-2:]
    rows, columns = round(height * proportion), round(width * proportion)
    top, left = (height - rows) // 2, (width - columns) // 2
    return _resize(x[..., top : top + rows, left : left + columns], height, width)


def flip(x: Tensor) -> Tensor:
    """Mirrors horizontally and vertically."""
    return x.flip(-1, -2)


def half_size(x: Tensor) -> Tensor:
    """Shrinks to half the height and width, and brings it back to the classifier's size."""
    height, width = x.shape[-2:]
    return _resize(_resize(x, height // 2, width // 2), height, width)


def gaussian_noise(x: Tensor, sigma: float, seed: int = 0) -> Tensor:
    """Adds white noise of standard deviation ``sigma`` in [0, 1]; the same noise for the same seed and shape."""
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    return (x + sigma * noise.to(x.device)).clamp(0.0, 1.0)


def _resize(x: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(x, (height, width), mode="bilinear", align_corners=False, antialias=True).clamp(0.0, 1.0)


#: Figure 7, in its order and with its settings; the noise is beside it.
DISTORTIONS: dict[str, Distortion] = {
    "none": none,
    "gaussian_blur": partial(gaussian_blur, sigma=2.0),
    "jpeg": partial(jpeg, quality=70),
    "centre_crop": partial(centre_crop, proportion=0.9),
    "flip": flip,
    "resize": half_size,
    "gaussian_noise": partial(gaussian_noise, sigma=0.05),
}
