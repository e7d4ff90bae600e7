"""Bodies of two networks of other families than the targets', under whose eyes protected photos are looked at.

Nothing is made on them and no setting was chosen by them (docs/adr/0020). Their weights are in training/weights/bodies,
with where they come from; training/convert_bodies.py wrote them, batch norms folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "bodies"


class MobileNetV2(nn.Module):
    """MobileNetV2 (Sandler et al. 2018) of width 1, up to what its last layer sees; as Keras lays it out."""

    #: How long what the last layer sees is.
    WIDTH = 1280
    #: Channels, number, first stride and expansion of each stage's blocks: the paper's Table 2.
    STAGES = (
        (16, 1, 1, 1), (24, 2, 2, 6), (32, 3, 2, 6), (64, 4, 2, 6), (96, 3, 1, 6), (160, 3, 2, 6), (320, 1, 1, 6),
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Convolution(3, 32, 3, stride=2)
        blocks, before = [], 32
        for channels, count, stride, expansion in self.STAGES:
            for index in range(count):
                blocks.append(_Inverted(before, channels, stride if index == 0 else 1, expansion))
                before = channels
        self.blocks = nn.Sequential(*blocks)
        self.last = _Convolution(before, self.WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        """What the last layer sees, shape (N, 1280). x: shape (N, 3, H, W), RGB levels in 0..255; sides even in each
        of the five halvings, as 224 is.
        """
        return cast(Tensor, self.last(self.blocks(self.stem(x / 127.5 - 1.0))).mean(dim=(2, 3)))


class ThinResNet50(nn.Module):
    """ResNet-50 (He et al. 2016) with half the filters, as open_nsfw has it, up to what its last layer sees."""

    WIDTH = 1024
    #: Blocks of each stage, and the channels in their middle; a block passes on four times as many.
    STAGES = ((3, 32), (4, 64), (6, 128), (3, 256))
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Caffe's order and means: blue, green, red.
        self.register_buffer("mean", torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1), persistent=False)
        self.stem = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        blocks, before = [], 64
        for stage, (count, middle) in enumerate(self.STAGES):
            for index in range(count):
                blocks.append(_Bottleneck(before, middle, 2 if stage and index == 0 else 1, is_first=index == 0))
                before = 4 * middle
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """What the last layer sees, shape (N, 1024). x: shape (N, 3, H, W), RGB levels in 0..255; 224 a side."""
        x = functional.relu(self.stem(x.flip(1) - self.mean))
        x = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 3, 2)  # nothing is below 0, the padding's value
        return cast(Tensor, self.blocks(x).mean(dim=(2, 3)))


class _Convolution(nn.Module):
    """A convolution, then ReLU6 where there is one."""

    def __init__(
        self, before: int, after: int, size: int, stride: int = 1, groups: int = 1, bends: bool = True
    ) -> None:
        super().__init__()
        # TensorFlow pads an even side at stride 2 on the right and at the bottom alone.
        self.pads_after = size == 3 and stride == 2
        self.bends = bends
        self.convolution = nn.Conv2d(
            before, after, size, stride=stride, padding=0 if self.pads_after else size // 2, groups=groups
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolution(functional.pad(x, (0, 1, 0, 1)) if self.pads_after else x)
        return functional.relu6(x) if self.bends else x


class _Inverted(nn.Module):
    """MobileNetV2's inverted residual block."""

    def __init__(self, before: int, after: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = before * expansion
        self.skips = stride == 1 and before == after
        self.expand = _Convolution(before, middle, 1) if expansion != 1 else nn.Identity()
        self.depthwise = _Convolution(middle, middle, 3, stride, groups=middle)
        self.project = _Convolution(middle, after, 1, bends=False)

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.depthwise(self.expand(x)))
        return out + x if self.skips else out


class _Bottleneck(nn.Module):
    """ResNet's bottleneck block; the stride is in its first convolution, as in the paper."""

    def __init__(self, before: int, middle: int, stride: int, is_first: bool) -> None:
        super().__init__()
        self.beside = nn.Conv2d(before, 4 * middle, 1, stride=stride) if is_first else nn.Identity()
        self.reduce = nn.Conv2d(before, middle, 1, stride=stride)
        self.middle = nn.Conv2d(middle, middle, 3, padding=1)
        self.widen = nn.Conv2d(middle, 4 * middle, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.middle(functional.relu(self.reduce(x))))
        return functional.relu(self.widen(out) + self.beside(x))


#: The bodies by the names of their folders.
OTHER_FAMILIES: dict[str, Callable[[], nn.Module]] = {"mobilenetv2": MobileNetV2, "thin-resnet50": ThinResNet50}


def load_body(name: str, root: Path = WEIGHTS) -> nn.Module:
    """A body of :data:`OTHER_FAMILIES` with its weights, frozen: RGB levels in 0..255 to what its last layer sees.

    Raises:
        KeyError: no such body.
        FileNotFoundError: its weights are not there.
    """
    body = OTHER_FAMILIES[name]()
    stored = load_file(root / name / "weights.safetensors")
    body.load_state_dict({key: value.float() for key, value in stored.items()})
    return body.eval().requires_grad_(False).to(memory_format=torch.channels_last)
