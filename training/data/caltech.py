"""Caltech-101 and Caltech-256 with their classes, as the paper's experiments take them: crops of 224 pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.photos import CACHE, caltech_photos, split_digit

#: Side of the crops that classifiers see; Caltech's photos are squashed to a little more before.
CROP = 224

#: Classes of each data set. The publishers' folder of things that belong to none is left out, as is usual: it is not a
#: class that a photo can be of, and "an image that is nothing else" makes the error rate say less.
CLASSES = {"caltech101": 101, "caltech256": 256}
NO_CLASS = ("BACKGROUND_Google", "257.clutter")


@dataclass(frozen=True)
class LabelledPhotos:
    """One split; its pixels stay in the file that all splits share until they are asked for.

    Args:
        photos: uint8, shape (all photos of the data set, H, W, 3), RGB.
        rows: which of them are this split's.
        labels: their classes, int64, shape (N,).
    """

    photos: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Random crops, half of them mirrored: uint8, shape (N, 3, CROP, CROP); and their labels."""
        rows = self.rows[chosen.numpy()]
        crops = [random_crop(self.photos[row], generator) for row in rows]
        return torch.stack(crops), self.labels[chosen]

    def spread(self, count: int) -> LabelledPhotos:
        """``count`` of them at even distances; at most as many as there are."""
        return self._chosen(_evenly(count, len(self)))

    def most_of_class(self, count: int) -> LabelledPhotos:
        """``count`` of each class at even distances, all of a class that has fewer; class by class."""
        of_each = [np.flatnonzero(self.labels.numpy() == label) for label in self.labels.unique().tolist()]
        return self._chosen(np.concatenate([own[_evenly(min(count, len(own)), len(own))] for own in of_each]))

    def _chosen(self, places: NDArray[np.int64]) -> LabelledPhotos:
        return LabelledPhotos(self.photos, self.rows[places], self.labels[torch.from_numpy(places)])

    def centred(self) -> Tensor:
        """The centre crops, for measuring: uint8, shape (N, 3, CROP, CROP)."""
        images = torch.empty(len(self), 3, CROP, CROP, dtype=torch.uint8)
        for index, row in enumerate(self.rows):
            images[index] = centre_crop(self.photos[row])
        return images


@dataclass(frozen=True)
class CaltechSplit:
    """About eight, one and one tenths of a data set; ``classes`` are the folders' names, by label."""

    train: LabelledPhotos
    validation: LabelledPhotos
    test: LabelledPhotos
    classes: tuple[str, ...]


def _evenly(count: int, length: int) -> NDArray[np.int64]:
    return np.arange(count) * length // max(count, 1)


def random_crop(photo: NDArray[np.uint8], generator: torch.Generator) -> Tensor:
    """A crop of shape (3, CROP, CROP), uint8, anywhere in a photo of shape (H, W, 3), mirrored half of the time."""
    height, width = photo.shape[:2]
    top = int(torch.randint(height - CROP + 1, (), generator=generator))
    left = int(torch.randint(width - CROP + 1, (), generator=generator))
    crop = _crop(photo, top, left)
    return crop.flip(2) if torch.rand((), generator=generator) < 0.5 else crop


def centre_crop(photo: NDArray[np.uint8]) -> Tensor:
    """The middle of a photo of shape (H, W, 3): shape (3, CROP, CROP), uint8."""
    height, width = photo.shape[:2]
    return _crop(photo, (height - CROP) // 2, (width - CROP) // 2)


def _crop(photo: NDArray[np.uint8], top: int, left: int) -> Tensor:
    # Copied, since a tensor can not say that its memory is a file open for reading only.
    return torch.from_numpy(photo[top : top + CROP, left : left + CROP].copy()).permute(2, 0, 1)


def caltech(root: Path, name: str, cache: Path = CACHE) -> CaltechSplit:
    """``caltech101`` or ``caltech256``: photos whose name's hash ends in 0 are the test split, in 1 for validation.

    Raises:
        DataMissingError: the data set is not in the data folder.
        ValueError: the folder does not hold every class, or has others.
    """
    names, photos = caltech_photos(root, name, cache)
    folders = [photo.split("/")[0] for photo in names]
    classes = tuple(sorted(set(folders) - set(NO_CLASS)))
    if len(classes) != CLASSES[name]:
        raise ValueError(f"{name} has {CLASSES[name]} classes, and the folder {len(classes)}: fetch it again")
    label_of = {folder: label for label, folder in enumerate(classes)}
    labels = np.array([label_of.get(folder, -1) for folder in folders])
    digits = np.array([split_digit(photo) for photo in names])

    def part(chosen: NDArray[np.bool_]) -> LabelledPhotos:
        rows = np.flatnonzero(chosen & (labels >= 0))
        return LabelledPhotos(photos, rows, torch.from_numpy(labels[rows]))

    return CaltechSplit(part(digits > 1), part(digits == 1), part(digits == 0), classes)
