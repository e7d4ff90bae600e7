"""What a training of RGAN does: data, networks, objective and schedule, and the recipes that have a name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from training.losses import LossWeights
from training.models.rgan import ReducerConfig, RganConfig


@dataclass(frozen=True)
class Objective:
    """Which form each loss takes; the defaults are the paper's equations."""

    weights: LossWeights = field(default_factory=LossWeights)
    #: Equation (9), or the margin of Carlini and Wagner as in the released code.
    attack: Literal["cross_entropy", "margin"] = "cross_entropy"
    #: The lead in logits, of the wrong class, beyond which the margin stops pushing.
    confidence: float = 0.0
    #: Equations (10) and (14), or least squares as in the released code; none trains without a discriminator.
    gan: Literal["minimax", "least_squares", "none"] = "minimax"
    #: ||r||_2, as the released code and the values of Table 1 have it, ||r||_2^2 as equation (11) is printed, or what
    #: exceeds the energy that ``budget_db`` allows, relative to it.
    intensity: Literal["squared", "plain", "budget"] = "plain"
    #: PSNR of the protected photo, in dB, down to which the perturbation costs nothing.
    budget_db: float = 0.0
    #: Whether C, D and R are shown what a file holds, clamped and rounded to 8 bits, or x + DR(G(x)) in floats.
    stored: bool = False
    #: Over this share of the run R's loss gets its hold on G: while R knows nothing, G would learn to do nothing.
    share_ramp: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """How long, and how fast; the defaults are the paper's (section 4)."""

    epochs: int = 150
    batch: int = 128
    learning_rate: float = 1e-3
    #: "decrease 10^-1 times for every 50 epochs", or one cycle up and down over the whole run.
    kind: Literal["steps", "one_cycle"] = "steps"
    #: Epochs between the falls of "steps".
    fall_every: int = 50


@dataclass(frozen=True)
class RganRecipe:
    """One training of RGAN, whole."""

    dataset: str = "mnist"
    network: str = "lenet5"
    model: RganConfig = field(default_factory=RganConfig)
    objective: Objective = field(default_factory=Objective)
    schedule: Schedule = field(default_factory=Schedule)
    seed: int = 0
    #: The recipe whose finished networks this one goes on from; their minutes count as its own.
    after: RganRecipe | None = None

    def digest(self) -> str:
        """Names the run's folder: two recipes share it only if they are equal.

        Of what differs from the defaults alone, so that a new field leaves the names of older recipes as they were.
        """
        changed = json.dumps(_changed(asdict(self), asdict(RganRecipe())), sort_keys=True)
        return hashlib.sha256(changed.encode()).hexdigest()[:12]


def _changed(given: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """The entries of ``given`` that are not as ``usual``, nested ones likewise."""
    changed: dict[str, Any] = {}
    for name, value in given.items():
        other = usual.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            value, other = _changed(value, other), {}
        if value != other:
            changed[name] = value
    return changed


def published() -> RganRecipe:
    """Sections 3 and 4 as printed, but for the square of equation (11); docs/adr/0007 says why."""
    return RganRecipe()


def released() -> RganRecipe:
    """The authors' released variant: margin (weight 10), least-squares GAN (1), un-squared L2 (1), instance norm."""
    return RganRecipe(
        model=RganConfig(norm="instance"),
        objective=Objective(
            weights=LossWeights(attack=10.0, indistinguishable=1.0, intensity=1.0),
            attack="margin",
            gan="least_squares",
        ),
    )


def best(epochs: int = 25) -> RganRecipe:
    """What recovers best here: R trained on what a file holds, its loss shared with G, links, a margin, one cycle."""
    return RganRecipe(
        model=RganConfig(bound=0.3, links=True),
        objective=Objective(
            weights=LossWeights(indistinguishable=0.0, intensity=0.005, recovery=1.5, shared_recovery=1.0),
            attack="margin",
            confidence=3.0,
            gan="none",
            intensity="squared",
            stored=True,
            share_ramp=0.3,
        ),
        schedule=Schedule(epochs=epochs, batch=32, kind="one_cycle", learning_rate=4e-3),
    )


def photo(network: str = "lite0", epochs: int = 4) -> RganRecipe:
    """RGAN on Caltech-101 at 224x224, made to train on a CPU: cells of 4x4, and layers that begin at a cell a step."""
    return RganRecipe(
        dataset="caltech101",
        network=network,
        model=RganConfig(
            channels=3,
            widths=(32, 64, 96),
            strides=(4, 2, 2),
            links=True,
            bound=0.2,
            reducer=ReducerConfig("avg", "avg", kernel=4),
            whole_cells=True,
        ),
        objective=Objective(
            weights=LossWeights(indistinguishable=0.0, intensity=5.0, recovery=0.3, shared_recovery=1.0),
            attack="margin",
            confidence=5.0,
            gan="none",
            intensity="budget",
            budget_db=28.0,
            stored=True,
            share_ramp=0.6,
        ),
        schedule=Schedule(epochs=epochs, batch=16, kind="one_cycle", learning_rate=3e-3),
    )


def photo_longer(network: str = "lite0", epochs: int = 4) -> RganRecipe:
    """The recipe ``photo``, then a second cycle over other batches, with R's full hold on G from its beginning."""
    first = photo(network)
    return replace(
        first,
        objective=replace(first.objective, share_ramp=0.0),
        schedule=replace(first.schedule, epochs=epochs),
        seed=1,
        after=first,
    )


#: Epochs and batch of ``photo_tables``: what there was time for, on a GPU beside other runs in batches of 64, and
#: against MobileNetV3 on one core of a CPU in batches of 16.
TABLES: dict[str, tuple[int, int]] = {"lite0": (23, 64), "resnet50": (6, 64), "mobilenetv3": (14, 16)}


def photo_tables(network: str = "lite0") -> RganRecipe:
    """The recipe ``photo`` with more epochs and 2 dB more to spend: what the tables show."""
    first = photo(network)
    epochs, batch = TABLES.get(network, TABLES["lite0"])
    return replace(
        first,
        objective=replace(first.objective, budget_db=26.0),
        schedule=replace(first.schedule, epochs=epochs, batch=batch),
    )


#: Those that can be had against any classifier of photos.
ON_PHOTOS: dict[str, Callable[..., RganRecipe]] = {
    "photo": photo,
    "photo-longer": photo_longer,
    "photo-tables": photo_tables,
}
RECIPES: dict[str, Callable[..., RganRecipe]] = {
    "published": published,
    "released": released,
    "best": best,
    **ON_PHOTOS,
}


def with_schedule(recipe: RganRecipe, **changes: object) -> RganRecipe:
    """The recipe with another schedule."""
    return replace(recipe, schedule=replace(recipe.schedule, **changes))  # type: ignore[arg-type]
