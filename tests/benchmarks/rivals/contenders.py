"""Who is measured: our tiers, and the attacks' settings. Each makes a protected photo in 8 bits out of a photo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from services.imaging import pipeline
from services.imaging.photo import Photo
from services.imaging.receipt import Tier
from services.imaging.resample import WORKING_SIZE
from services.inference.embedded import EmbeddedBackend
from training.attacks import DDN, PGD, Attack, CarliniWagner
from training.models.classifiers import load_classifier
from training.models.refiner import RefinerConfig
from training.models.shipped import PROTECTOR

Pixels = NDArray[np.uint8]

#: The strengths at which attacks are matched with our tiers: PGD's largest change of a value, in levels of 255, that
#: keeps the photo above the tiers' PSNR, and DDN's first L2 norm, which is about the sealed tier's at 224 pixels.
_EPSILON_LEVELS = (2, 5)
_STRONG_NORM = 3.0
_FEW_STEPS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Contender:
    """A way to protect a photo.

    Attributes:
        family: "one-pass", "sealed", or the attack's name.
        setting: in words.
        effort: gradient steps a photo.
        is_default: the package's defaults, which no search for fewer steps may take away.
        protect: photo and label to the protected photo's pixels, shape (H, W, 3).
    """

    name: str
    family: str
    setting: str
    effort: int
    is_default: bool
    protect: Callable[[Photo, int], Pixels]


class Lite0(nn.Module):
    """The target as an attack's user would wrap it: images in [0, 1] of any size to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.network = load_classifier(0)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] != (WORKING_SIZE, WORKING_SIZE):
            size = [WORKING_SIZE, WORKING_SIZE]
            x = F.interpolate(x, size=size, mode="bilinear", antialias=True, align_corners=False)
        return self.network((255.0 * x).contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]


def ours(repository: Path, threads: int) -> list[Contender]:
    """Our tiers, through the product's pipeline in process."""
    backend = EmbeddedBackend(repository, threads)

    def tier(which: Tier, steps: int) -> Contender:
        def protect(photo: Photo, _: int) -> Pixels:
            receipt = asyncio.run(pipeline.find_code(photo, which, backend))
            return pipeline.written(photo, receipt, carries=True)

        return Contender(which.value, which.value, f"{pipeline.STRENGTHS_DB[which]:g} dB", steps, True, protect)

    return [tier(Tier.ONE_PASS, PROTECTOR.steps), tier(Tier.SEALED, RefinerConfig().steps)]


def attacks() -> list[Contender]:
    """adv-lib's attacks, at their defaults and with ever fewer steps.

    C&W's defaults (9 searches of 10,000 iterations) take too long to stand here: see ``endless``.
    """
    target = Lite0()
    found = [
        _attack("ddn-100", "adv-lib's defaults: 100 steps", 100, DDN(), target, is_default=True),
        _attack("pgd-40", "8/255, adv-lib's defaults: 40 steps", 40, _pgd(8, 40, 8 / 30), target, is_default=True),
    ]
    for steps in (*_FEW_STEPS, 16):
        found.append(_attack(f"ddn-{steps}", f"{steps} steps", steps, DDN(steps=steps), target))
    for steps in _FEW_STEPS:
        strong = DDN(steps=steps, init_norm=_STRONG_NORM)
        found.append(
            _attack(f"ddn-{steps}-strong", f"{steps} steps, first norm {_STRONG_NORM:g}", steps, strong, target)
        )
    for levels in _EPSILON_LEVELS:
        for steps in _FEW_STEPS:
            attack = _pgd(levels, steps, levels * min(1.0, 2.5 / steps))
            found.append(_attack(f"pgd-{steps}-eps{levels}", f"{levels}/255, {steps} steps", steps, attack, target))
    for iterations in (10, 20, 40):  # adv-lib's loop needs ten at least
        attack = CarliniWagner(binary_search_steps=1, max_iterations=iterations, initial_const=1.0)
        found.append(_attack(f"cw-{iterations}", f"1 search, {iterations} iterations", iterations, attack, target))
    return found


def _pgd(levels: float, steps: int, step_levels: float) -> PGD:
    return PGD(epsilon=levels / 255, step=step_levels / 255, steps=steps)


def _attack(
    name: str, setting: str, effort: int, attack: Attack, target: nn.Module, is_default: bool = False
) -> Contender:
    def protect(photo: Photo, label: int) -> Pixels:
        x = torch.from_numpy(photo.pixels).permute(2, 0, 1)[None].float() / 255.0
        found = attack(target, x, torch.tensor([label]))
        return (255.0 * found[0]).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()

    return Contender(name, attack.name, setting, effort, is_default, protect)
