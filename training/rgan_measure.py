"""What RGAN does on images that it has not seen: as floats, and as the 8-bit files that ship."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training import losses
from training.models.rgan import Rgan
from training.rgan_losses import stored


@dataclass(frozen=True)
class Pictures:
    """A batch on its way through protection and back; shape (N, C, H, W) each, range [0, 1] when ``eight_bit``."""

    original: Tensor
    adversarial: Tensor
    recovered: Tensor
    perturbation: Tensor
    recovered_perturbation: Tensor


@torch.no_grad()
def pictures(rgan: Rgan, x: Tensor, *, eight_bit: bool = True) -> Pictures:
    """Protects and restores.

    Args:
        eight_bit: clamp and round the adversarial and the recovered example as a file does; otherwise they stay floats,
            as in the paper.
    """
    keep = stored if eight_bit else _as_is
    adversarial = keep(x + rgan.perturbation(x))
    estimate = rgan.recovered_perturbation(adversarial)
    return Pictures(x, adversarial, keep(adversarial - estimate), adversarial - x, estimate)


def _as_is(x: Tensor) -> Tensor:
    return x


class Distance:
    """L2 and PSNR between images and originals, gathered over batches.

    L2 is the norm over C, H and W of one image in [0, 1], then the mean over images. PSNR (range 1) comes twice: the
    mean of each image's value, without those that are equal, whose share stands beside it; and that of the pooled
    squared error, which is lower.
    """

    def __init__(self) -> None:
        self._squared: list[Tensor] = []
        self._pixels = 0

    def add(self, images: Tensor, originals: Tensor) -> None:
        """images, originals: shape (N, C, H, W)."""
        self._squared.append((images.double() - originals.double()).square().sum(dim=(1, 2, 3)).cpu())
        self._pixels = originals[0].numel()

    def figures(self, name: str) -> dict[str, float]:
        """L2 and PSNR under the given name."""
        squared = torch.cat(self._squared)
        unequal = squared[squared > 0]
        found = {f"{name}_l2": float(squared.sqrt().mean())}
        if len(unequal):
            found[f"{name}_psnr_db"] = float((-10.0 * torch.log10(unequal / self._pixels)).mean())
            found[f"{name}_psnr_pooled_db"] = -10.0 * math.log10(float(squared.mean()) / self._pixels)
        return found | {f"{name}_equal_percent": 100.0 * float((squared == 0).double().mean())}


class Answers:
    """What the classifier says of originals and of images made from them, gathered over batches."""

    def __init__(self) -> None:
        self.count = self.right = self.wrong_after = self.changed = 0

    def add(self, before: Tensor, after: Tensor, label: Tensor) -> None:
        """before, after: predicted classes, shape (N,)."""
        right = before == label
        self.count += len(label)
        self.right += int(right.sum())
        self.wrong_after += int((after != label).sum())
        self.changed += int((right & (after != before)).sum())

    @property
    def error_percent(self) -> float:
        """CER: natural errors included."""
        return 100.0 * self.wrong_after / self.count

    @property
    def clean_error_percent(self) -> float:
        return 100.0 * (1.0 - self.right / self.count)

    @property
    def asr_percent(self) -> float:
        """Share of correctly classified originals whose answer changed."""
        return 100.0 * self.changed / max(self.right, 1)


def batched(images: Tensor) -> list[slice]:
    """Parts of a batch that fit into memory: 500 digits, or 50 photos."""
    size = 500 if images.shape[-1] < 100 else 50
    return [slice(start, start + size) for start in range(0, len(images), size)]


@torch.no_grad()
def measure(rgan: Rgan, classifier: nn.Module, x: Tensor, label: Tensor, *, eight_bit: bool = True) -> dict[str, float]:
    """The metrics of one RGAN; keys carry their units.

    Args:
        x: originals, shape (N, C, H, W), range [0, 1].
        label: ground truth, shape (N,).
    """
    protected, recovered = Distance(), Distance()
    attacked, restored = Answers(), Answers()
    for part in batched(x):
        made = pictures(rgan, x[part], eight_bit=eight_bit)
        before = classifier(made.original).argmax(dim=1)
        protected.add(made.adversarial, made.original)
        recovered.add(made.recovered, made.original)
        attacked.add(before, classifier(made.adversarial).argmax(dim=1), label[part])
        restored.add(before, classifier(made.recovered).argmax(dim=1), label[part])
    return {
        "images": attacked.count,
        "clean_error_percent": attacked.clean_error_percent,
        "asr_percent": attacked.asr_percent,
        "protected_error_percent": attacked.error_percent,
        "recovered_error_percent": restored.error_percent,
        **protected.figures("protected"),
        **recovered.figures("recovered"),
    }


@torch.no_grad()
def mean_losses(rgan: Rgan, classifier: nn.Module, x: Tensor, label: Tensor) -> dict[str, float]:
    """The four losses of Table 1 on images after 8-bit rounding, batch means.

    The two adversarial losses are equations (9) and (13); the two L2 losses are given as the paper's table must be
    read, un-squared (a squared norm of 9.64 would be 42 dB at 224x224 where the paper's SRAE have 32).
    """
    sums: dict[str, float] = {}
    for part in batched(x):
        made = pictures(rgan, x[part])
        found = {
            "generator_adv_loss": losses.attack_cross_entropy(classifier(made.adversarial), label[part]),
            "generator_l2": losses.intensity_loss(made.perturbation).sqrt(),
            "recover_adv_loss": losses.recovered_cross_entropy(classifier(made.recovered), label[part]),
            "recover_l2": losses.intensity_loss(made.recovered - made.original).sqrt(),
        }
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + float(value.sum())
    return {name: value / len(x) for name, value in sums.items()}
