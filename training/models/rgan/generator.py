"""The generator G, and the network family that it shares with the recoverer (section 3.2)."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

Norm = Literal["batch", "instance", "none"]
Widths = tuple[int, int, int]

#: The channels of the three encoder layers in the authors' released code.
WIDTHS: Widths = (8, 16, 32)
#: "the depth of both the generator G and the recover R is equal to 4" (section 4.1.1)
DEPTH = 4


class EncoderDecoder(nn.Module):
    """Three convolutions down to a quarter of the size, residual blocks, three deconvolutions back up.

    The paper gives the layers' number and kind (section 3.2), not their kernels: 3 here, and 4 where a deconvolution
    doubles the size, so that its strides overlap evenly.

    Args:
        channels: of the image, 1 or 3.
        widths: channels of the encoder's layers; the decoder mirrors them.
        depth: residual blocks in the bottleneck, 0 or more.
        norm: what normalises after each layer; the batch's or each image's own statistics.
        links: whether each deconvolution also sees what its convolution saw, as in a U-Net; the paper has none.

    Raises:
        ValueError: a negative depth.
    """

    def __init__(
        self, channels: int, widths: Widths = WIDTHS, depth: int = DEPTH, norm: Norm = "batch", links: bool = False
    ) -> None:
        super().__init__()
        if depth < 0:
            raise ValueError(f"depth is {depth}: a bottleneck has 0 or more residual blocks")
        first, second, third = widths
        self.links = links
        self.encoder = nn.ModuleList(
            [
                _layer(nn.Conv2d(channels, first, 3, padding=1), norm),
                _layer(nn.Conv2d(first, second, 3, stride=2, padding=1), norm),
                _layer(nn.Conv2d(second, third, 3, stride=2, padding=1), norm),
            ]
        )
        self.bottleneck = nn.Sequential(*(ResidualBlock(third, norm) for _ in range(depth)))
        wider = 2 if links else 1
        self.decoder = nn.ModuleList(
            [
                _layer(nn.ConvTranspose2d(third, second, 4, stride=2, padding=1), norm),
                _layer(nn.ConvTranspose2d(wider * second, first, 4, stride=2, padding=1), norm),
                nn.ConvTranspose2d(wider * first, channels, 3, padding=1),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: shape (N, C, H, W), range [0, 1]. Returns the same shape, unbounded."""
        seen: list[Tensor] = []
        found = x
        for layer in self.encoder:
            found = layer(found)
            seen.append(found)
        found = self.decoder[0](self.bottleneck(found))
        for layer, link in zip(self.decoder[1:], reversed(seen[:-1]), strict=True):
            # Sizes that 4 does not divide come out a little larger.
            found = found[..., : link.shape[-2], : link.shape[-1]]
            found = layer(torch.cat([found, link], dim=1) if self.links else found)
        return found


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a skip (He et al. 2016)."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _layer(nn.Conv2d(width, width, 3, padding=1), norm),
            _layer(nn.Conv2d(width, width, 3, padding=1), norm, activation=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.layers(x))


class Generator(EncoderDecoder):
    """G: original -> raw perturbation, unbounded; same shape as the original."""


def bounded(raw: Tensor, bound: float | None) -> Tensor:
    """A raw perturbation within +-bound by a tanh, or as it is where there is no bound."""
    return raw if bound is None else bound * torch.tanh(raw)


def _layer(convolution: nn.Conv2d | nn.ConvTranspose2d, norm: Norm, activation: bool = True) -> nn.Sequential:
    width = convolution.out_channels
    layers: list[nn.Module] = [convolution]
    if norm == "batch":
        layers.append(nn.BatchNorm2d(width))
    elif norm == "instance":
        layers.append(nn.InstanceNorm2d(width, affine=True))
    if activation:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
