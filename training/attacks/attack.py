"""What an attack is: the one signature behind which the libraries hide."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn


class Attack(Protocol):
    """An untargeted attack with its settings: a frozen dataclass."""

    @property
    def name(self) -> str:
        """Short and lower case: it becomes part of file names."""
        ...

    def __call__(self, classifier: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """Adversarial examples, float32, range [0, 1], detached; where none is found, whatever the library leaves.

        Args:
            classifier: frozen, in eval mode; images in [0, 1] to logits, shape (N, classes).
            x: originals, shape (N, C, H, W), range [0, 1].
            y: labels to get away from, shape (N,), int64.
        """
        ...
