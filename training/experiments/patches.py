"""Photos cut into patches, from which a network that sees a neighbourhood learns as fast as from small images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Patches:
    """Squares at random places of each photo.

    The defaults cut 150 photos of 224 pixels into as many pixels as MNIST's 10,000 digits have.

    Args:
        side: in pixels; a multiple of 4, as the networks want it.
    """

    side: int = 64
    per_photo: int = 12
    seed: int = 0

    def cut(self, *photos: Tensor) -> list[Tensor]:
        """The same places of several versions of the same photos.

        Args:
            photos: shape (N, C, H, W) each, at least ``side`` high and wide.

        Returns:
            Of each, shape (N * per_photo, C, side, side).
        """
        count, _, height, width = photos[0].shape
        random = torch.Generator().manual_seed(self.seed)
        index = torch.arange(count).repeat_interleave(self.per_photo)
        top = torch.randint(height - self.side + 1, (len(index),), generator=random)
        left = torch.randint(width - self.side + 1, (len(index),), generator=random)
        places = list(zip(index.tolist(), top.tolist(), left.tolist(), strict=True))
        return [torch.stack([x[i, :, t : t + self.side, e : e + self.side] for i, t, e in places]) for x in photos]
