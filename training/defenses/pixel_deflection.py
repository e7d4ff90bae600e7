"""Pixel deflection: some pixels become one of their neighbours, then wavelets smooth what that left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from training.defenses.wavelets import bayes_shrink


@dataclass(frozen=True)
class PixelDeflection:
    """Prakash et al. (2018), with their settings; pixels are drawn evenly, without a class-activation map."""

    name: ClassVar[str] = "pixel_deflection"
    #: Pixels to deflect, whatever the picture's size.
    deflections: int = 200
    #: A neighbour is at most this far away, in pixels.
    window: int = 10
    #: Standard deviation of the noise that BayesShrink assumes, in [0, 1].
    sigma: float = 0.04
    seed: int = 0

    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        return bayes_shrink(self.deflect(x), self.sigma)

    def deflect(self, x: Tensor) -> Tensor:
        """The deflection alone: pixels of each image take the colour of a pixel near them."""
        height, width = x.shape[-2:]
        random = torch.Generator().manual_seed(self.seed)
        shape = (len(x), self.deflections)
        image = torch.arange(len(x))[:, None]
        row, column = (torch.randint(side, shape, generator=random) for side in (height, width))
        down, right = torch.randint(-self.window, self.window + 1, (2, *shape), generator=random)
        found = x.clone()
        found[image, :, row, column] = x[
            image, :, (row + down).clamp(0, height - 1), (column + right).clamp(0, width - 1)
        ]
        return found
