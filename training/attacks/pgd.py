"""PGD by adv-lib: steps along the sign of the gradient, within a box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from adv_lib.attacks import pgd_linf
from torch import Tensor, nn


@dataclass(frozen=True)
class PGD:
    """Madry et al. (2018). The defaults are advertorch's, which the paper used; photos want 8/255 and 2/255."""

    name: ClassVar[str] = "pgd"
    #: The largest change of a value, range [0, 1].
    epsilon: float = 0.3
    step: float = 0.01
    steps: int = 40
    seed: int = 0

    def __call__(self, classifier: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """See :class:`training.attacks.attack.Attack`."""
        # adv-lib draws its random start from the global generator.
        with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            found: Tensor = pgd_linf(classifier, x, y, self.epsilon, steps=self.steps, absolute_step_size=self.step)
        return found.detach().clamp(0.0, 1.0)
