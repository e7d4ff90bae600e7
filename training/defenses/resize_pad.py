"""Random resizing and padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class RandomResizePad:
    """Xie et al. (2018): enlarge by chance by up to a tenth, then pad with zeros at random to the largest size.

    Theirs goes from 299 to at most 331 pixels and shows the classifier the larger picture. Here it is brought back to
    the size that came in, since the tables measure a distance to the original.
    """

    name: ClassVar[str] = "resize_pad"
    #: 331 / 299
    largest: float = 331 / 299
    seed: int = 0

    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        random = torch.Generator().manual_seed(self.seed)
        return torch.cat([self._one(image[None], random) for image in x])

    def _one(self, image: Tensor, random: torch.Generator) -> Tensor:
        height, width = image.shape[-2:]
        canvas = (round(height * self.largest), round(width * self.largest))
        grown = [_draw(small, large, random) for small, large in zip((height, width), canvas, strict=True)]
        resized = F.interpolate(image, grown, mode="nearest")
        room = [large - small for small, large in zip(grown, canvas, strict=True)]
        top, left = (_draw(0, space + 1, random) for space in room)
        padded = F.pad(resized, (left, room[1] - left, top, room[0] - top))
        return F.interpolate(padded, (height, width), mode="bilinear", align_corners=False, antialias=True)


def _draw(low: int, high: int, random: torch.Generator) -> int:
    """A whole number from low to high - 1; low where that is the only one."""
    return int(torch.randint(low, max(high, low + 1), (1,), generator=random))
