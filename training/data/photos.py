"""Real photographs for training and for measuring, from folders that the user has."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

#: Side to which training photos are decoded; crops of the working size are cut from it.
DECODED_SIZE = 256

_HELP = "Set SRAE_DATA (or --data) to a folder that holds {name}. {where}"


class DataMissingError(FileNotFoundError):
    """A data set is not in the data folder; the message says what is missing and where it is published."""

    def __init__(self, folder: Path, name: str, where: str) -> None:
        super().__init__(f"{folder} is not there. " + _HELP.format(name=name, where=where))


@dataclass(frozen=True)
class PhotoSplit:
    """Photos as one array of shape (N, DECODED_SIZE, DECODED_SIZE, 3), uint8, RGB."""

    train: NDArray[np.uint8]
    test: NDArray[np.uint8]


def data_root(given: str | None = None) -> Path:
    """The data folder: the argument, else the environment's SRAE_DATA, else ./data."""
    return Path(given or os.environ.get("SRAE_DATA") or "data")


def load_rgb(path: Path) -> NDArray[np.uint8]:
    """A photo file as shape (H, W, 3), uint8, RGB."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{path} does not decode as an image")
    return np.ascontiguousarray(bgr[:, :, ::-1]).astype(np.uint8, copy=False)


def caltech101(root: Path, cache: Path) -> PhotoSplit:
    """All of Caltech-101, squashed to DECODED_SIZE; a tenth, chosen by the hash of its name, is the test split.

    The decoded photos are kept in ``cache`` (1.8 GB), so that later runs start at once.

    Raises:
        DataMissingError: the folder is not there.
    """
    folder = root / "caltech101" / "101_ObjectCategories"
    if not folder.is_dir():
        raise DataMissingError(
            folder,
            "caltech101/101_ObjectCategories",
            "With a network: python -m training.data.download caltech101. Published by Li, Andreeto, Ranzato and "
            "Perona (CaltechDATA, doi 10.22002/D1.20086, CC BY 4.0).",
        )
    paths = sorted(folder.glob("*/*.jpg"))
    names = ["/".join(path.parts[-2:]) for path in paths]
    stored = cache / f"caltech101-{DECODED_SIZE}.npy"
    if not stored.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        shape = (len(paths), DECODED_SIZE, DECODED_SIZE, 3)
        partial = stored.with_suffix(".partial")
        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        for index, path in enumerate(track(paths, description="Decoding Caltech-101")):
            array[index] = cv2.resize(load_rgb(path), (DECODED_SIZE, DECODED_SIZE), interpolation=cv2.INTER_AREA)
        array.flush()
        partial.rename(stored)
    photos = np.load(stored, mmap_mode="r")
    test = np.array([int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10 == 0 for name in names])
    return PhotoSplit(train=photos[np.flatnonzero(~test)], test=photos[np.flatnonzero(test)])


def development_photos(root: Path) -> tuple[list[Path], NDArray[np.int64]]:
    """The labelled development photos, for measuring only: never train on them, never tune a threshold on them.

    Raises:
        DataMissingError: the folder is not there.
    """
    folder = root / "imagenet-sample"
    if not (folder / "labels.json").is_file():
        raise DataMissingError(
            folder / "labels.json",
            "imagenet-sample/ with photos and labels.json",
            "Any set of labelled ImageNet photos serves: labels.json maps file names to class indices.",
        )
    labels = json.loads((folder / "labels.json").read_text())
    return [folder / name for name in labels], np.array(list(labels.values()), dtype=np.int64)
