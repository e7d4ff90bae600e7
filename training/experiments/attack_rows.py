"""Rows that measure an attack alone: what it does to another network (Figure 4), and how it looks (Figure 5)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from training.attacks import FGSM, AdvGanSettings, Attack, train_advgan
from training.experiments.context import Context
from training.experiments.experiment import Outcome, shown
from training.rgan_losses import stored
from training.rgan_measure import Answers, Distance, batched

#: What the picture of an attack's examples shows, from the top.
STRIPS = ("original", "adversarial", "perturbation")


@dataclass(frozen=True)
class Transferred:
    """One network's FGSM examples, shown to another; beside it what as strong a step in random directions does."""

    dataset: str
    source: str
    target: str
    attack: FGSM = field(default_factory=FGSM)
    images: int = 200
    seed: int = 0

    def __call__(self, context: Context) -> Outcome:
        x, label = context.images(self.dataset, "test", self.images)
        target = context.target(self.dataset, self.target)
        adversarial = context.adversarial(self.attack, self.dataset, self.source, "test", self.images)
        attacked, chance = Answers(), Answers()
        for part in batched(x):
            before = target(x[part]).argmax(dim=1)
            attacked.add(before, target(adversarial[part]).argmax(dim=1), label[part])
            chance.add(before, target(self._by_chance(x[part])).argmax(dim=1), label[part])
        return Outcome(
            {
                "images": attacked.count,
                "asr_percent": attacked.asr_percent,
                "random_signs_asr_percent": chance.asr_percent,
                "clean_error_percent": attacked.clean_error_percent,
            }
        )

    def _by_chance(self, x: Tensor) -> Tensor:
        random = torch.Generator().manual_seed(self.seed)
        signs = torch.randint(0, 2, x.shape, generator=random) * 2.0 - 1.0
        return stored(x + self.attack.epsilon * signs.to(x.device))


@dataclass(frozen=True)
class Exemplified:
    """An attack's examples: how far they lie, how often they succeed, how they look.

    Args:
        images: of the test split; None for the data set's fixed test subset, whose examples Tables 3 to 5 share.
    """

    dataset: str
    network: str
    attack: Attack
    images: int | None = None

    def __call__(self, context: Context) -> Outcome:
        x, label = context.images(self.dataset, "test", self.images)
        adversarial = context.adversarial(self.attack, self.dataset, self.network, "test", self.images)
        return _described(x, label, adversarial, context.target(self.dataset, self.network))


@dataclass(frozen=True)
class AdvGanExemplified:
    """The same for AdvGAN, whose generator is trained first.

    Args:
        training_images: on which it is trained, of the training split.
    """

    dataset: str
    network: str
    settings: AdvGanSettings
    training_images: int
    images: int | None = None

    def __call__(self, context: Context) -> Outcome:
        classifier = context.target(self.dataset, self.network)
        settings = context.small(self.settings)
        known, its_label = context.images(self.dataset, "train", self.training_images)
        if context.miniature:
            settings = replace(settings, batch=min(settings.batch, len(known)))
        begun = time.monotonic()
        attack = train_advgan(classifier, known, its_label, settings)
        minutes = (time.monotonic() - begun) / 60
        x, label = context.images(self.dataset, "test", self.images)
        adversarial = torch.cat([stored(attack(classifier, x[part], label[part])) for part in batched(x)])
        return replace(_described(x, label, adversarial, classifier), training_minutes=minutes)


def _described(x: Tensor, label: Tensor, adversarial: Tensor, classifier: nn.Module) -> Outcome:
    distance, answers = Distance(), Answers()
    for part in batched(x):
        distance.add(adversarial[part], x[part])
        before = classifier(x[part]).argmax(dim=1)
        answers.add(before, classifier(adversarial[part]).argmax(dim=1), label[part])
    metrics = {"images": answers.count, "asr_percent": answers.asr_percent, **distance.figures("protected")}
    # On photos a perturbation is too faint to see as it is.
    gain = 1 if x.shape[-1] < 100 else 10
    strips = (shown(x), shown(adversarial), 0.5 + 0.5 * gain * (shown(adversarial) - shown(x)))
    return Outcome(metrics, dict(zip(STRIPS, strips, strict=True)))
