"""C&W by adv-lib: the smallest L2 perturbation, by Adam and a binary search of its constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from adv_lib.attacks import carlini_wagner_l2
from torch import Tensor, nn


@dataclass(frozen=True)
class CarliniWagner:
    """Carlini and Wagner (2017), L2. The defaults are advertorch's, which the paper used."""

    name: ClassVar[str] = "cw"
    confidence: float = 0.0
    learning_rate: float = 0.01
    binary_search_steps: int = 9
    #: At least 10: adv-lib looks ten times a search whether to give up.
    max_iterations: int = 10_000
    initial_const: float = 1e-3

    def __call__(self, classifier: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """See :class:`training.attacks.attack.Attack`."""
        found: Tensor = carlini_wagner_l2(
            classifier,
            x,
            y,
            confidence=self.confidence,
            learning_rate=self.learning_rate,
            initial_const=self.initial_const,
            binary_search_steps=self.binary_search_steps,
            max_iterations=self.max_iterations,
        )
        return found.detach().clamp(0.0, 1.0)
