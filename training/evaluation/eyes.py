"""The networks that look at photos: those that the codes were made on, and some that had no part in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from services.imaging.resample import down
from training.models.classifiers import load_classifier
from training.models.target import load_target
from training.models.target_photo import LITE

Pixels = NDArray[np.uint8]

#: The development set, whose classes are ImageNet's.
IMAGENET = "imagenet-sample"
#: Each EfficientNet-Lite's own input size.
SIDES = (224, 240, 260)
#: Networks of other families, by the names of their rows. They have no layer for ImageNet's classes, so they look only
#: where heads do.
OTHERS = {"MobileNetV2": "mobilenetv2", "Thin ResNet-50": "thin-resnet50"}
_OTHER_SIDE = 224


@dataclass(frozen=True)
class Sight:
    """What a network answers. confidence: 0..1."""

    label: int
    confidence: float


class Eyes:
    """EfficientNet-Lite0, Lite1 and Lite2 in float32, each fed photos squashed to its own input size.

    Args:
        dataset: whose classes they tell apart: ImageNet's, or Caltech-101's, with heads that no code is made on. Then
            the networks of other families look, too.

    Attributes:
        names: of the networks, as their rows are named; a network's place among them is its variant.
    """

    def __init__(self, dataset: str = IMAGENET) -> None:
        self.networks = [load_classifier(variant) for variant in range(len(SIDES))]
        others = OTHERS if dataset != IMAGENET else {}
        self.names = (*(f"Lite{variant}" for variant in range(len(SIDES))), *others)
        self._heads = [load_target(dataset, name) for name in (*LITE, *others.values())] if others else None

    def look(self, pixels: Pixels, variant: int) -> Sight:
        """The answer to a photo of shape (H, W, 3)."""
        x = _input(pixels, variant)
        with torch.no_grad():
            logits = self._heads[variant](x / 255.0) if self._heads else self.networks[variant](x)
            share = torch.softmax(logits, dim=1)[0]
        return Sight(int(share.argmax()), float(share.max()))

    def distance(self, a: Pixels, b: Pixels) -> float:
        """How far two photos lie apart for Lite2, 0 where equal: squared distance of unit features, mean over places
        and summed over four depths. LPIPS in form, without its weights trained on people's judgements.
        """
        network = self.networks[2]
        found = []
        with torch.no_grad():
            for pixels in (a, b):
                x = network.stem((_input(pixels, 2) - 127.0) / 128.0)
                depths: list[Tensor] = []
                for index, block in enumerate(network.blocks):
                    x = block(x)
                    if index in network.FEATURE_BLOCKS:
                        depths.append(torch.nn.functional.normalize(x, dim=1))
                found.append(depths)
        return sum(float((p - q).square().sum(dim=1).mean()) for p, q in zip(*found, strict=True))


def _input(pixels: Pixels, variant: int) -> Tensor:
    side = SIDES[variant] if variant < len(SIDES) else _OTHER_SIDE
    return torch.from_numpy(down(pixels, side))[None].float()
