"""The discriminator D: original against adversarial (section 3.1)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from training.models.rgan.generator import WIDTHS, Widths


class Discriminator(nn.Module):
    """Three strided convolutions and a mean over the picture; the paper gives no more than D's task.

    No normalisation in it: statistics of a batch that holds originals only, or adversarial examples only, would tell
    the two apart by themselves.
    """

    def __init__(self, channels: int, widths: Widths = WIDTHS) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width_in, width_out in zip((channels, *widths), widths, strict=False):
            layers += [nn.Conv2d(width_in, width_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits that x is an original, shape (N,). x: shape (N, C, H, W), range [0, 1]."""
        return cast(Tensor, self.layers(x)).mean(dim=(1, 2, 3))
