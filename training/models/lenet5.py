"""LeNet-5, the target classifier on MNIST."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


class LeNet5(nn.Module):
    """LeCun et al. (1998) as it is built today: ReLU, max pooling, and a plain linear output; 61,706 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (N, 10). x: shape (N, 1, 28, 28), range [0, 1]."""
        return cast(Tensor, self.head(self.features(x)))
