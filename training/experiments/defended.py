"""How an experiment comes by a defense: ready made, or made from the training images first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from torch import Tensor

from training.attacks import Attack
from training.defenses import (
    ApeGanSettings,
    ArnSettings,
    Defense,
    EdsrSettings,
    Quilting,
    QuiltingAfterVariation,
    SuperResolution,
    TotalVariation,
    train_ape_gan,
    train_arn,
    train_edsr,
)
from training.experiments.context import Context
from training.experiments.patches import Patches

#: Training images from which patches are cut, or on which a network learns: of digits, and of photos of 224 pixels.
CLEAN_IMAGES = 10_000
PHOTOS = 150


class DefenseSpec(Protocol):
    """A frozen dataclass that says all of how the defense is made."""

    def __call__(self, context: Context, dataset: str, network: str) -> Defense: ...


@dataclass(frozen=True)
class Ready:
    """A defense that needs no training."""

    defense: Defense

    def __call__(self, context: Context, dataset: str, network: str) -> Defense:
        return self.defense


@dataclass(frozen=True)
class Nothing:
    """The defense that the others are held against."""

    name: ClassVar[str] = "nothing"

    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        return x


@dataclass(frozen=True)
class Quilted:
    """Total variance minimisation and quilting, with patches of the training images."""

    variation: TotalVariation = field(default_factory=TotalVariation)
    images: int = CLEAN_IMAGES

    def __call__(self, context: Context, dataset: str, network: str) -> Defense:
        x, _ = context.images(dataset, "train", self.images)
        return QuiltingAfterVariation(self.variation, Quilting.from_images(x))


@dataclass(frozen=True)
class SuperResolved:
    """Super-resolution by a network that learns from the training images."""

    settings: EdsrSettings = field(default_factory=EdsrSettings)
    images: int = CLEAN_IMAGES

    def __call__(self, context: Context, dataset: str, network: str) -> Defense:
        x, _ = context.images(dataset, "train", self.images)
        settings = replace(self.settings, steps=3) if context.miniature else self.settings
        return SuperResolution(train_edsr(x, settings))


@dataclass(frozen=True)
class ApeGanAgainst:
    """APE-GAN trained on an attack's examples of training images."""

    attack: Attack
    settings: ApeGanSettings = field(default_factory=ApeGanSettings)
    images: int = CLEAN_IMAGES

    def __call__(self, context: Context, dataset: str, network: str) -> Defense:
        x, _ = context.images(dataset, "train", self.images)
        bad = context.adversarial(self.attack, dataset, network, "train", self.images)
        return train_ape_gan(x, bad, context.small(self.settings))


@dataclass(frozen=True)
class ArnAgainst:
    """ARN trained on several attacks' examples of training images."""

    attacks: tuple[Attack, ...]
    settings: ArnSettings = field(default_factory=ArnSettings)
    images: int = CLEAN_IMAGES

    def __call__(self, context: Context, dataset: str, network: str) -> Defense:
        x, _ = context.images(dataset, "train", self.images)
        bad = {a.name: context.adversarial(a, dataset, network, "train", self.images) for a in self.attacks}
        return train_arn(x, bad, context.small(self.settings))


@dataclass(frozen=True)
class ApeGanOnPatches:
    """APE-GAN trained on patches of an attack's examples of training photos; it is convolutional throughout."""

    attack: Attack
    settings: ApeGanSettings = field(default_factory=ApeGanSettings)
    images: int = PHOTOS
    patches: Patches = field(default_factory=Patches)

    def __call__(self, context: Context, dataset: str, network: str) -> Defense:
        x, _ = context.images(dataset, "train", self.images)
        bad = context.adversarial(self.attack, dataset, network, "train", self.images)
        clean, cut = self.patches.cut(x, bad)
        return train_ape_gan(clean, cut, context.small(self.settings))


@dataclass(frozen=True)
class ArnOnPatches:
    """ARN trained on patches of several attacks' examples of training photos; it is convolutional throughout."""

    attacks: tuple[Attack, ...]
    settings: ArnSettings = field(default_factory=ArnSettings)
    images: int = PHOTOS
    patches: Patches = field(default_factory=Patches)

    def __call__(self, context: Context, dataset: str, network: str) -> Defense:
        x, _ = context.images(dataset, "train", self.images)
        bad = [context.adversarial(a, dataset, network, "train", self.images) for a in self.attacks]
        clean, *cut = self.patches.cut(x, *bad)
        return train_arn(
            clean, {a.name: part for a, part in zip(self.attacks, cut, strict=True)}, context.small(self.settings)
        )
