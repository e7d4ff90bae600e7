"""DDN by adv-lib, whose author wrote the attack: a small L2 perturbation in a fixed number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from adv_lib.attacks import ddn
from torch import Tensor, nn


@dataclass(frozen=True)
class DDN:
    """Rony et al. (2019). The defaults are advertorch's, which the paper used."""

    name: ClassVar[str] = "ddn"
    steps: int = 100
    #: By what factor the norm shrinks or grows each step.
    gamma: float = 0.05
    init_norm: float = 1.0
    #: Of the 8-bit grid on which the result lies.
    levels: int = 256

    def __call__(self, classifier: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """See :class:`training.attacks.attack.Attack`."""
        found: Tensor = ddn(
            classifier, x, y, steps=self.steps, γ=self.gamma, init_norm=self.init_norm, levels=self.levels
        )
        return found.detach().clamp(0.0, 1.0)
