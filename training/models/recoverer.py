"""The one-pass tier's recoverer: what it takes to be the code of a protected photo.

The role is the paper's R (section 3.2): it reads the perturbation out of the protected photo. A photo that is still as
it was protected carries its code (services/imaging/embed.py); R is for the copies that lost it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class RecovererConfig:
    """Shape of the recoverer."""

    width: int = 64
    blocks: int = 4


class Residual(nn.Module):
    """x + conv(relu(conv(relu(x)))), without normalisation: statistics over a photo would not survive a crop."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(F.relu(x))))


class Recoverer(nn.Module):
    """Protected photo to the code's estimate, in levels, not rounded.

    Shape (N, 3, WORKING_SIZE, WORKING_SIZE), levels in 0..255 -> (N, 3, GRID_SIZE, GRID_SIZE).
    """

    def __init__(self, config: RecovererConfig) -> None:
        super().__init__()
        width = config.width
        self.stem = nn.Conv2d(3, width // 2, 5, stride=2, padding=2)
        self.shrink = nn.Conv2d(width // 2 + 12, width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(Residual(width) for _ in range(config.blocks)))
        self.out = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = x / 255.0 - 0.5
        fine = torch.cat([F.relu(self.stem(x)), F.pixel_unshuffle(x, 2)], dim=1)
        return self.out(F.relu(self.blocks(self.shrink(fine)))) * 16.0


def keep_grey(x: Tensor, code: Tensor) -> Tensor:
    """The code, averaged over the channels where the photo is grey (its channels are equal)."""
    grey = ((x[:, 0] == x[:, 1]) & (x[:, 1] == x[:, 2])).flatten(1).all(dim=1)
    return torch.where(grey[:, None, None, None], code.mean(dim=1, keepdim=True).expand_as(code), code)
