"""What Triton and the embedded backend serve: the networks behind whole-number tensors.

uint8 and int8 are a quarter of the bytes of float32 on the wire, and leave no doubt about ranges.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.models.classifiers import EfficientNetLite
from training.models.recoverer import Recoverer, keep_grey
from training.models.refiner import Refiner


class ServedProtector(nn.Module):
    """One-pass: photo uint8, headroom int8 and strength float32 (N, 1), dB, to code int8."""

    def __init__(self, refiner: Refiner) -> None:
        super().__init__()
        self.refiner = refiner

    def forward(self, image: Tensor, lower: Tensor, upper: Tensor, strength_db: Tensor) -> Tensor:
        low = lower.float()
        start, made = torch.zeros_like(low), torch.zeros_like(strength_db)
        return self.refiner([image.float()], low, upper.float(), strength_db, start, made).to(torch.int8)


class ServedRefiner(nn.Module):
    """Sealed: as one-pass, and the photo again at the second network's size, the code to start from, int8, and how many
    rounds were made before, uint8 (N, 1)."""

    def __init__(self, refiner: Refiner) -> None:
        super().__init__()
        self.refiner = refiner

    def forward(
        self,
        image: Tensor,
        lower: Tensor,
        upper: Tensor,
        strength_db: Tensor,
        second: Tensor,
        start: Tensor,
        made: Tensor,
    ) -> Tensor:
        images = [image.float(), second.float()]
        return self.refiner(images, lower.float(), upper.float(), strength_db, start.float(), made).to(torch.int8)


class ServedRecoverer(nn.Module):
    """One-pass: protected working image uint8 to the estimate of its code, int8."""

    def __init__(self, recoverer: Recoverer) -> None:
        super().__init__()
        self.recoverer = recoverer

    def forward(self, image: Tensor) -> Tensor:
        x = image.float()
        return torch.round(keep_grey(x, self.recoverer(x))).clamp(-127.0, 127.0).to(torch.int8)


class ServedClassifier(nn.Module):
    """Working image uint8 to probabilities float32, shape (N, 1000)."""

    def __init__(self, classifier: EfficientNetLite) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, image: Tensor) -> Tensor:
        return torch.softmax(self.classifier(image.float()), dim=1)
