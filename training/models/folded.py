"""Layers of a frozen classifier, and their slopes by hand.

A writer asks for nothing but the slope in the photo. Autograd finds it too, but keeps a copy of every map that an
activation overwrites, and takes its own ways for products of matrices: by hand a look takes a fifth less time
(docs/adr/0021).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class FoldedConvolution(nn.Conv2d):
    """A convolution with its batch norm folded in, and ReLU6 behind it where it is capped.

    Args:
        weight: shape (out, in / groups, side, side).
        bias: shape (out).
        padding: on all sides.
        is_capped: whether ReLU6 follows.
    """

    def __init__(self, weight: Tensor, bias: Tensor, stride: int, padding: int, groups: int, is_capped: bool) -> None:
        out, inside, side, _ = weight.shape
        super().__init__(inside * groups, out, side, stride=stride, padding=padding, groups=groups)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.is_capped = is_capped
        self.is_pointwise = side == 1 and stride == 1 and groups == 1
        self.step, self.rim = [stride, stride], [padding, padding]

    def forward(self, x: Tensor) -> Tensor:
        """x: shape (N, in, H, W)."""
        out = self._conv_forward(x, self.weight, self.bias)
        return functional.hardtanh_(out, 0.0, 6.0) if self.is_capped else out

    @torch.jit.export
    def back(self, slope: Tensor, out: Tensor, x: Tensor) -> Tensor:
        """The slope in x, of the slope in ``out``, which :meth:`forward` gave for x; uncapped, ``out`` is not read."""
        if self.is_capped:
            slope = torch.ops.aten.hardtanh_backward(slope, out, 0.0, 6.0)
        if self.is_pointwise:
            count, channels, height, width = slope.shape
            places = slope.permute(0, 2, 3, 1).reshape(-1, channels)
            before = torch.mm(places, self.weight.view(channels, -1))
            return before.view(count, height, width, -1).permute(0, 3, 1, 2)
        found: Tensor = torch.ops.aten.convolution_backward(
            slope, x, self.weight, None, self.step, self.rim, [1, 1], False, [0, 0], self.groups, [True, False, False]
        )[0]
        return found


class FoldedBlock(nn.Module):
    """An inverted residual block: the last of its convolutions is not capped.

    Args:
        has_skip: whether what comes in is added to what goes out.
    """

    def __init__(self, layers: list[FoldedConvolution], has_skip: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.has_skip = has_skip

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for layer in self.layers:
            out = layer(out)
        return out + x if self.has_skip else out

    def keep(self, x: Tensor, kept: list[Tensor]) -> Tensor:
        """As :meth:`forward`; adds to ``kept`` what :meth:`back` takes from its end again."""
        out = x
        for layer in self.layers:
            kept.append(out)
            out = layer(out)
        return out + x if self.has_skip else out

    @torch.jit.export
    def back(self, slope: Tensor, kept: list[Tensor]) -> Tensor:
        """The slope in what came in, of that in what went out."""
        below, out = slope, slope
        for layer in self.layers[::-1]:
            x = kept.pop()
            below = layer.back(below, out, x)
            out = x
        return below + slope if self.has_skip else below
