"""The photos: of an installed package, or the labelled development photos where a data folder has them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from skimage import data

from services.imaging.photo import FileTraits, Photo
from training.data.photos import DataMissingError, data_root
from training.evaluation.eyes import Eyes
from training.evaluation.subjects import SIZES, Subject, development_subjects, resized

#: Photographs that scikit-image carries in its wheel.
_INSTALLED = ("astronaut", "chelsea", "coffee", "rocket")
#: Short sides in pixels; "1mp" is a photo of about a megapixel.
SHORT_SIDES = {"224": 224, "1mp": 866}


def photos(size: str, limit: int, given: str | None, eyes: Eyes) -> tuple[str, list[Subject]]:
    """Where the photos are from, and up to ``limit`` of them at a size.

    The development photos are those of odd index that Lite0 labels correctly with confidence above 0.3; the installed
    ones have no label, so Lite0's own answer to the original stands for it.
    """
    root = data_root(given)
    try:
        found = list(itertools.islice(_development(root, eyes, size), limit))
        return "imagenet-sample", found
    except DataMissingError:
        return "scikit-image", [_installed(name, size, eyes) for name in _INSTALLED[:limit]]


def _development(root: Path, eyes: Eyes, size: str) -> Iterator[Subject]:
    if size in SIZES:
        yield from development_subjects(root, eyes, size)
        return
    for subject in development_subjects(root, eyes, "native"):
        yield Subject(subject.name, resized(subject.photo, SHORT_SIDES[size]), subject.label)


def _installed(name: str, size: str, eyes: Eyes) -> Subject:
    pixels = getattr(data, name)()
    photo = resized(Photo(pixels, FileTraits("image/png", pixels.size, lossless=True)), SHORT_SIDES[size])
    return Subject(name, photo, eyes.look(photo.pixels, 0).label)
