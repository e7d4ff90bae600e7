"""SHIELD: every 8x8 block takes its JPEG quality by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from training.jpeg import jpeg

_BLOCK = 8


@dataclass(frozen=True)
class Shield:
    """Stochastic local quantisation of Das et al. (2018), with their qualities.

    Their classifiers are retrained on compressed images, too ("vaccination"); the paper under reproduction uses the
    preprocessing alone, and so does this.
    """

    name: ClassVar[str] = "shield"
    qualities: tuple[int, ...] = (20, 40, 60, 80)
    seed: int = 0

    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        versions = torch.stack([jpeg(x, quality) for quality in self.qualities])
        rows, columns = -(-x.shape[-2] // _BLOCK), -(-x.shape[-1] // _BLOCK)
        random = torch.Generator().manual_seed(self.seed)
        choice = torch.randint(len(self.qualities), (len(x), 1, rows, columns), generator=random).to(x.device)
        choice = choice.repeat_interleave(_BLOCK, dim=-2).repeat_interleave(_BLOCK, dim=-1)
        choice = choice[..., : x.shape[-2], : x.shape[-1]].expand_as(x)
        return versions.gather(0, choice[None])[0]
