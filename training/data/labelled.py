"""A data set's images as the paper's experiments take them: float32, shape (N, C, H, W), range [0, 1], with labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor

from training.data.caltech import CLASSES, LabelledPhotos, caltech
from training.data.mnist import LabelledImages, mnist
from training.distributed import World

Split = Literal["train", "validation", "test"]


class Batches(Protocol):
    """Images to train on, drawn by index."""

    def __len__(self) -> int: ...

    def batch(self, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The chosen images, uint8, augmented by the generator's chance alone, and their labels."""
        ...


class Plain:
    """Images drawn as they are, without augmentation.

    Args:
        images: uint8, shape (N, C, H, W).
    """

    def __init__(self, images: LabelledImages) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images.labels)

    def batch(self, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return self._images.images[chosen], self._images.labels[chosen]


def unit_range(levels: Tensor) -> Tensor:
    """uint8 levels as float32 in [0, 1]."""
    return levels.float() / 255.0


def training_batches(dataset: str, root: Path) -> Batches:
    """A data set's training split.

    Raises:
        DataMissingError: it is not in the data folder.
        ValueError: no such data set.
    """
    if dataset == "mnist":
        return Plain(mnist(root).train)
    if dataset in CLASSES:
        return caltech(root, dataset).train
    raise ValueError(f"no data set {dataset!r}")


def images_of(dataset: str, root: Path, split: Split, count: int | None = None) -> LabelledImages:
    """A data set's images of one split, not augmented.

    Args:
        count: how many, at most; None for all. Of MNIST the first ones, as is usual. Of Caltech, whose files lie in the
            order of their classes, evenly spread ones: the i-th of n is number ``i * size // n``, so that classes keep
            their shares and half as many are a part of the whole.

    Raises:
        DataMissingError: it is not in the data folder.
        ValueError: no such data set.
    """
    if dataset == "mnist":
        found: LabelledImages = getattr(mnist(root), split)
        return LabelledImages(found.images[:count], found.labels[:count])
    if dataset in CLASSES:
        part: LabelledPhotos = getattr(caltech(root, dataset), split)
        spread = part.spread(len(part) if count is None else min(count, len(part)))
        return LabelledImages(spread.centred(), spread.labels)
    raise ValueError(f"no data set {dataset!r}")


def batches(
    data: Batches, size: int, epochs: int, seed: int, world: World, first: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """This process's share of each batch, from step ``first`` on, over all epochs.

    A batch depends on nothing but the seed and its step: a run that goes on from a checkpoint sees what it would have
    seen, and so do two processes together. What is left of an epoch after its last whole batch is dropped.
    """
    per_epoch = len(data) // size
    mine = slice(world.rank, None, world.size)
    for step in range(first, per_epoch * epochs):
        epoch, within = divmod(step, per_epoch)
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        chosen = order[within * size : (within + 1) * size]
        x, label = data.batch(chosen, torch.Generator().manual_seed(seed * 1_000_003 + step))
        # Levels travel, not floats: a quarter of the bytes.
        yield unit_range(_sent(x[mine], world.device)), _sent(label[mine], world.device)


def _sent(values: Tensor, device: torch.device) -> Tensor:
    """On the device; a GPU copies them beside its work."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values
