"""Rows that measure an attack followed by a defense, the paper's competitors (Tables 3, 4 and 5)."""

from __future__ import annotations

from dataclasses import dataclass

from training.attacks import Attack
from training.experiments.context import Context
from training.experiments.defended import DefenseSpec
from training.experiments.experiment import Outcome, shown
from training.rgan_losses import stored
from training.rgan_measure import Answers, Distance, batched


@dataclass(frozen=True)
class Recovered:
    """The attack's examples, cleaned by the defense, against the originals; after 8-bit rounding of both."""

    dataset: str
    network: str
    attack: Attack
    defense: DefenseSpec

    def __call__(self, context: Context) -> Outcome:
        x, label = context.images(self.dataset)
        classifier = context.target(self.dataset, self.network)
        adversarial = context.adversarial(self.attack, self.dataset, self.network)
        cleaned = stored(self.defense(context, self.dataset, self.network)(adversarial))
        protected, recovered = Distance(), Distance()
        attacked, restored = Answers(), Answers()
        for part in batched(x):
            before = classifier(x[part]).argmax(dim=1)
            protected.add(adversarial[part], x[part])
            recovered.add(cleaned[part], x[part])
            attacked.add(before, classifier(adversarial[part]).argmax(dim=1), label[part])
            restored.add(before, classifier(cleaned[part]).argmax(dim=1), label[part])
        metrics = {
            "images": attacked.count,
            "asr_percent": attacked.asr_percent,
            "recovered_error_percent": restored.error_percent,
            **protected.figures("protected"),
            **recovered.figures("recovered"),
        }
        # Of photos none are kept: a picture of each row would weigh more than all else in the repository.
        small = x.shape[-1] < 100
        return Outcome(metrics, {"adversarial": shown(adversarial), "recovered": shown(cleaned)} if small else {})


@dataclass(frozen=True)
class Clean:
    """The classifier on the originals.

    Args:
        images: of the test split; None for the data set's fixed test subset.
    """

    dataset: str
    network: str
    images: int | None = None

    def __call__(self, context: Context) -> Outcome:
        x, label = context.images(self.dataset, "test", self.images)
        classifier = context.target(self.dataset, self.network)
        answers, distance = Answers(), Distance()
        for part in batched(x):
            before = classifier(x[part]).argmax(dim=1)
            answers.add(before, before, label[part])
            distance.add(x[part], x[part])
        metrics = {"images": answers.count, "recovered_error_percent": answers.error_percent}
        return Outcome(metrics | distance.figures("recovered"))
