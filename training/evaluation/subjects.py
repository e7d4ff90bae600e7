"""The photos that figures are measured on: labelled, and surely recognised before they are protected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from services.imaging import codec
from services.imaging.photo import FileTraits, Photo
from training.data.caltech import NO_CLASS
from training.data.photos import caltech_paths, development_photos, split_digit
from training.evaluation.eyes import IMAGENET, Eyes

#: A photo counts where Lite0 labels it correctly with more confidence than this.
CONFIDENCE = 0.3

#: Names of sizes, and the short side in pixels (None: as the data set has it, about 320).
SIZES: dict[str, int | None] = {"native": None, "224": 224, "1080": 1080, "12mp": 3000}


@dataclass(frozen=True)
class Subject:
    """A photo and its class."""

    name: str
    photo: Photo
    label: int


def development_subjects(root: Path, eyes: Eyes, size: str) -> Iterator[Subject]:
    """Development photos of odd index, in a fixed order from all over the set, that Lite0 is right and sure about.

    Photos of even index are those on which settings were chosen. At 1080 pixels and 12 megapixels the photos are
    enlarged (Lanczos), for no larger labelled ones are at hand.
    """
    paths, labels = development_photos(root)
    for index in np.random.default_rng(0).permutation(np.arange(1, len(paths), 2)):
        photo = resized(codec.decode(paths[index].read_bytes()), SIZES[size])
        sight = eyes.look(photo.pixels, 0)
        if sight.label == labels[index] and sight.confidence > CONFIDENCE:
            yield Subject(paths[index].stem, photo, int(labels[index]))


def caltech_subjects(root: Path, eyes: Eyes, size: str) -> Iterator[Subject]:
    """Photos of Caltech-101's test tenth, in a fixed random order, that Lite0 with a head for its classes is right and
    sure about. None was trained on; one of the sealed tier's weights was held against them before it was kept
    (docs/adr/0019). Of their few faces, the set's other class of faces has most of the same pictures.
    """
    paths = caltech_paths(root, "caltech101")
    names = sorted({path.parent.name for path in paths} - set(NO_CLASS))
    tested = [p for p in paths if p.parent.name in names and split_digit(f"{p.parent.name}/{p.name}") == 0]
    for index in np.random.default_rng(0).permutation(len(tested)):
        path = tested[index]
        photo, label = resized(codec.decode(path.read_bytes()), SIZES[size]), names.index(path.parent.name)
        sight = eyes.look(photo.pixels, 0)
        if sight.label == label and sight.confidence > CONFIDENCE:
            yield Subject(f"caltech101-{path.parent.name}-{path.stem}", photo, label)


#: The photos of each data set.
SUBJECTS = {IMAGENET: development_subjects, "caltech101": caltech_subjects}


def resized(photo: Photo, short_side: int | None) -> Photo:
    """The photo with its short side at a length, its aspect kept; a square at 224, the networks' own size."""
    if short_side is None:
        return photo
    height, width = photo.pixels.shape[:2]
    scale = short_side / min(height, width)
    size = (224, 224) if short_side == 224 else (round(width * scale), round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4
    pixels = cv2.resize(photo.pixels, size, interpolation=method).astype(np.uint8, copy=False)
    return Photo(pixels, FileTraits("image/png", pixels.size, lossless=True))
