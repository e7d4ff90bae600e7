"""Total variance minimisation: a smooth picture that agrees with the few pixels that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

#: Smooths the root at flat places, where its slope is infinite.
_EPSILON = 1e-3


@dataclass(frozen=True)
class TotalVariation:
    """Guo et al. (2018), with their dropout and weight; the minimum is sought by Adam."""

    name: ClassVar[str] = "total_variation"
    #: Chance that a pixel is not looked at.
    dropout: float = 0.5
    #: lambda_TV
    weight: float = 0.03
    steps: int = 60
    learning_rate: float = 0.05
    seed: int = 0

    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        random = torch.Generator().manual_seed(self.seed)
        return torch.cat([self._minimise(part, random) for part in x.split(500)])

    def _minimise(self, x: Tensor, random: torch.Generator) -> Tensor:
        kept = (torch.rand(len(x), 1, *x.shape[-2:], generator=random) >= self.dropout).to(x.device, x.dtype)
        with torch.enable_grad():
            z = x.detach().clone().requires_grad_()
            optimiser = torch.optim.Adam([z], lr=self.learning_rate)
            for step in range(self.steps):
                for group in optimiser.param_groups:
                    group["lr"] = self.learning_rate * (1.0 - step / self.steps)
                loss = (kept * (z - x)).square().sum() + self.weight * total_variation(z).sum()
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
        return z.detach().clamp(0.0, 1.0)


def total_variation(x: Tensor) -> Tensor:
    """Isotropic total variation of each image, shape (N,): the length of the gradient, summed over pixels."""
    down = x.diff(dim=-2, append=x[..., -1:, :])
    right = x.diff(dim=-1, append=x[..., -1:])
    return (down.square() + right.square() + _EPSILON**2).sqrt().sum(dim=(1, 2, 3))
