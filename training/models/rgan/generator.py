"""The generator G, and the network family that it shares with the recoverer (section 3.2)."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

Norm = Literal["batch", "instance", "none"]
Widths = tuple[int, int, int]
Strides = tuple[int, int, int]

#: The channels of the three encoder layers in the authors' released code.
WIDTHS: Widths = (8, 16, 32)
#: "the depth of both the generator G and the recover R is equal to 4" (section 4.1.1)
DEPTH = 4
#: "three convolution layers" (section 3.2) of which the paper gives no stride: down to a quarter of the size.
STRIDES: Strides = (1, 2, 2)


class EncoderDecoder(nn.Module):
    """Three convolutions down, residual blocks, three deconvolutions back up to the image's size.

    The paper gives the layers' number and kind (section 3.2), not their kernels. Here a convolution's overlaps its
    neighbour by a pixel or more, and a deconvolution's is twice its stride, so that its strides overlap evenly.

    Args:
        channels: of the image, 1 or 3.
        widths: channels of the encoder's layers; the decoder mirrors them.
        depth: residual blocks in the bottleneck, 0 or more.
        norm: what normalises after each layer; the batch's or each image's own statistics.
        strides: of the encoder's layers; the decoder mirrors them.
        links: whether each deconvolution also sees what its convolution saw, as in a U-Net; the paper has none.

    Raises:
        ValueError: a negative depth.
    """

    def __init__(
        self,
        channels: int,
        widths: Widths = WIDTHS,
        depth: int = DEPTH,
        norm: Norm = "batch",
        links: bool = False,
        strides: Strides = STRIDES,
    ) -> None:
        super().__init__()
        if depth < 0:
            raise ValueError(f"depth is {depth}: a bottleneck has 0 or more residual blocks")
        first, second, third = widths
        self.links = links
        down = [_down(*each) for each in zip((channels, first, second), widths, strides, strict=True)]
        self.encoder = nn.ModuleList([_layer(convolution, norm) for convolution in down])
        self.bottleneck = nn.Sequential(*(ResidualBlock(third, norm) for _ in range(depth)))
        wider = 2 if links else 1
        self.decoder = nn.ModuleList(
            [
                _layer(_up(third, second, strides[2]), norm),
                _layer(_up(wider * second, first, strides[1]), norm),
                _up(wider * first, channels, strides[0]),
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
            # Sizes that the strides do not divide come out a little larger.
            found = found[..., : link.shape[-2], : link.shape[-1]]
            found = layer(torch.cat([found, link], dim=1) if self.links else found)
        return found[..., : x.shape[-2], : x.shape[-1]]


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


def _down(channels: int, width: int, stride: int) -> nn.Conv2d:
    kernel = max(3, stride + 1)
    return nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2)


def _up(channels: int, width: int, stride: int) -> nn.ConvTranspose2d:
    if stride == 1:
        return nn.ConvTranspose2d(channels, width, 3, padding=1)
    return nn.ConvTranspose2d(channels, width, 2 * stride, stride=stride, padding=stride // 2)


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
