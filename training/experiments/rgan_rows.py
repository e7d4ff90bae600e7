"""Rows that measure a trained RGAN."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from training.distortions import DISTORTIONS
from training.experiments.context import Context
from training.experiments.defended import DefenseSpec
from training.experiments.experiment import Outcome, shown
from training.rgan_losses import stored
from training.rgan_measure import Answers, batched, mean_losses, measure, pictures
from training.rgan_recipe import RganRecipe

#: What a measured row's picture shows, from the top: Figure 11's columns.
STRIPS = ("original", "adversarial", "recovered", "perturbation", "recovered perturbation", "error x10")


@dataclass(frozen=True)
class Measured:
    """Distances, success and errors: after 8-bit rounding, and as floats under keys that begin with ``float_``.

    Args:
        images: of the test split; None for the data set's fixed test subset.
    """

    recipe: RganRecipe
    images: int | None = None

    def __call__(self, context: Context) -> Outcome:
        rgan, minutes = context.rgan(self.recipe)
        classifier = context.target(self.recipe.dataset, self.recipe.network)
        x, label = context.images(self.recipe.dataset, "test", self.images)
        as_float = measure(rgan, classifier, x, label, eight_bit=False)
        metrics = measure(rgan, classifier, x, label) | {f"float_{k}": v for k, v in as_float.items() if k != "images"}
        made = pictures(rgan, shown(x))
        strips = (
            made.original,
            made.adversarial,
            made.recovered,
            0.5 + 0.5 * made.perturbation,
            0.5 + 0.5 * made.recovered_perturbation,
            0.5 + 5.0 * (made.recovered - made.original),
        )
        named = dict(zip(STRIPS, strips, strict=True))
        return Outcome(metrics | mean_losses(rgan, classifier, x, label), named, minutes)


@dataclass(frozen=True)
class Distorted:
    """Attack success under each distortion of Figure 7, and how often the distortion alone changes the answer."""

    recipe: RganRecipe

    def __call__(self, context: Context) -> Outcome:
        rgan, minutes = context.rgan(self.recipe)
        classifier = context.target(self.recipe.dataset, self.recipe.network)
        x, label = context.images(self.recipe.dataset)
        metrics: dict[str, float] = {"images": len(x)}
        for name, distort in DISTORTIONS.items():
            attacked, alone = Answers(), Answers()
            for part in batched(x):
                before = classifier(x[part]).argmax(dim=1)
                protected = pictures(rgan, x[part]).adversarial
                attacked.add(before, classifier(stored(distort(protected))).argmax(dim=1), label[part])
                alone.add(before, classifier(stored(distort(x[part]))).argmax(dim=1), label[part])
            metrics[f"{name}_asr_percent"] = attacked.asr_percent
            metrics[f"{name}_clean_changed_percent"] = alone.asr_percent
        return Outcome(metrics, training_minutes=minutes)


@dataclass(frozen=True)
class Adapted:
    """Attack success after a defense that the opponent runs on the protected photo (Figure 8)."""

    recipe: RganRecipe
    defense: DefenseSpec

    def __call__(self, context: Context) -> Outcome:
        rgan, minutes = context.rgan(self.recipe)
        classifier = context.target(self.recipe.dataset, self.recipe.network)
        x, label = context.images(self.recipe.dataset)
        defense = self.defense(context, self.recipe.dataset, self.recipe.network)
        protected = torch.cat([pictures(rgan, x[part]).adversarial for part in batched(x)])
        cleaned, alone = stored(defense(protected)), stored(defense(x))
        attacked, clean = Answers(), Answers()
        for part in batched(x):
            before = classifier(x[part]).argmax(dim=1)
            attacked.add(before, classifier(cleaned[part]).argmax(dim=1), label[part])
            clean.add(before, classifier(alone[part]).argmax(dim=1), label[part])
        metrics = {
            "images": len(x),
            "asr_percent": attacked.asr_percent,
            "clean_changed_percent": clean.asr_percent,
        }
        return Outcome(metrics, training_minutes=minutes)
