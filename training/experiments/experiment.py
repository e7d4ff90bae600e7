"""What an experiment is: rows, each of which measures one thing and becomes one JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from training.experiments.context import Context


@dataclass(frozen=True)
class Outcome:
    """What a row found."""

    #: Numbers, with units in the keys.
    metrics: dict[str, float]
    #: Images to look at: each of shape (N, C, H, W), range [0, 1] (signed ones are shifted by the plot).
    pictures: dict[str, Tensor] = field(default_factory=dict)
    #: Minutes of training that the row rests on, done now or before.
    training_minutes: float = 0.0


def shown(images: Tensor) -> Tensor:
    """Those that a row's picture shows: the first eight digits, or three photos far from each other.

    Not the first photos: of Caltech-101 they are faces of people, which need not be in a repository.
    """
    if images.shape[-1] < 100:
        return images[:8]
    third = max(len(images) // 3, 1)
    return images[third // 2 :: third][:3]


class Work(Protocol):
    """A row's computation: a frozen dataclass whose fields say all of it."""

    def __call__(self, context: Context) -> Outcome: ...


@dataclass(frozen=True)
class Row:
    """One measurement: a method on a data set and a classifier."""

    dataset: str
    network: str
    method: str
    work: Work

    @property
    def name(self) -> str:
        return f"{self.dataset}-{self.network}-{self.method}"


@dataclass(frozen=True)
class Experiment:
    """A table or a figure of the paper."""

    id: str
    title: str
    rows: tuple[Row, ...]
    #: What a reader has to know to compare with the paper.
    note: str = ""


Builder = Callable[[], Experiment]
