"""The target classifiers on photos: the paper's three, and published bodies with a head for other classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torchvision.models import densenet121, mobilenet_v3_large, resnet50

from training.models.classifiers import load_classifier
from training.models.other_families import OTHER_FAMILIES, load_body

#: The Lites by the names of their columns.
LITE = {"lite0": 0, "lite1": 1, "lite2": 2}

#: Whose bodies come with their weights, so that a head is all that is trained.
HEADED = (*LITE, *OTHER_FAMILIES)

#: The paper's: ResNet-50 (He et al. 2016), DenseNet-121 (Huang et al. 2017), MobileNetV3 (Howard et al. 2019), large.
PAPER: dict[str, Callable[..., nn.Module]] = {
    "resnet50": resnet50,
    "densenet121": densenet121,
    "mobilenetv3": mobilenet_v3_large,
}

#: Mean and standard deviation of ImageNet's channels in [0, 1], as torchvision's networks are always fed.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class HeadedTarget(nn.Module):
    """A published body, frozen, under a linear head.

    Args:
        network: one of :data:`HEADED`.
        classes: how many the head tells apart.
    """

    def __init__(self, network: str, classes: int) -> None:
        super().__init__()
        self.body, width = _body(network)
        self.head = nn.Linear(width, classes)

    def pooled(self, x: Tensor) -> Tensor:
        """What the head sees, shape (N, F). x: shape (N, 3, H, W), range [0, 1]."""
        return cast(Tensor, self.body((255.0 * x).contiguous(memory_format=torch.channels_last)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (N, classes). x: shape (N, 3, H, W), range [0, 1]."""
        return cast(Tensor, self.head(self.pooled(x)))


def _body(network: str) -> tuple[nn.Module, int]:
    """A body that answers with what its head sees, and how long that is."""
    if network in OTHER_FAMILIES:
        body = load_body(network)
        return body, body.WIDTH
    lite = load_classifier(LITE[network])
    width = lite.classifier.in_features
    lite.classifier = nn.Identity()
    return lite, width


class Normalised(nn.Module):
    """A network behind its normalisation, in channels-last memory."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (N, classes). x: shape (N, 3, H, W), range [0, 1]."""
        x = ((x - self.mean) / self.deviation).contiguous(memory_format=torch.channels_last)
        return cast(Tensor, self.network(x))
