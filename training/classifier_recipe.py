"""How target classifiers are trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.models.other_families import OTHER_FAMILIES
from training.models.target_photo import HEADED, PAPER


@dataclass(frozen=True)
class Recipe:
    """How every layer of a classifier is trained, by AdamW under a cosine; the defaults are LeNet-5's on MNIST.

    Args:
        teacher: the network whose answers are learned too.
        temperature: by which the logits of both are divided then.
        teacher_share: weight of the teacher's answers against the labels', 0..1.
        small_side: to which images are shrunk at first, in pixels; 0 for never. What a network learns of small images
            costs a fraction, and it needs few large ones to see as well there (Tan and Le 2021, section 4.2).
        small_share: for how much of the run they are small, 0..1.
    """

    dataset: str = "mnist"
    network: str = "lenet5"
    epochs: int = 12
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    seed: int = 0
    teacher: str | None = None
    temperature: float = 4.0
    teacher_share: float = 0.9
    small_side: int = 0
    small_share: float = 0.9


@dataclass(frozen=True)
class HeadRecipe:
    """How a published body gets a head: multinomial logistic regression on centre crops.

    Nothing is left to chance, so it has no seed: the head starts at zero, and every step takes all images.

    Args:
        weight_decays: factors of half the squared norm of the head's weight, beside the mean cross-entropy; the one
            with the fewest validation images misread is kept.
        iterations: of L-BFGS, for each of them.
        most_of_class: training images of a class, at even distances; 0 for all there are.
        mirrors: whether their mirror images are learned, too.
    """

    dataset: str
    network: str
    weight_decays: tuple[float, ...] = (3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
    iterations: int = 100
    most_of_class: int = 0
    mirrors: bool = True


def default_recipe(dataset: str, network: str) -> Recipe:
    """What a network is trained with unless the command says otherwise."""
    recipe = Recipe(dataset, network)
    if network in PAPER:
        return replace(recipe, epochs=100, weight_decay=0.05)
    if network in HEADED:
        return replace(recipe, epochs=10, learning_rate=1e-4, weight_decay=0.05)
    return recipe


def default_head_recipe(dataset: str, network: str) -> HeadRecipe:
    """What a network's head is trained with.

    Of the networks that only look at protected photos, on 20 images a class, as is usual on Caltech-101: minutes.
    """
    recipe = HeadRecipe(dataset, network)
    return replace(recipe, most_of_class=20, mirrors=False) if network in OTHER_FAMILIES else recipe
