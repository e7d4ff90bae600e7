"""What a defense is: images in, cleaned images out."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Defense(Protocol):
    """A defense with its settings: a frozen dataclass."""

    @property
    def name(self) -> str:
        """Short and lower case: it becomes part of file names."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """Cleans images: shape (N, C, H, W), C 1 or 3, float32, range [0, 1], to the same shape and range."""
        ...
