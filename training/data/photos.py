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

#: Where decoded photos are kept between runs.
CACHE = Path("training/runs/cache")

#: Each data set's folder in the data folder, and by whom it is published.
_CALTECH = {
    "caltech101": (
        "caltech101/101_ObjectCategories",
        "Li, Andreeto, Ranzato and Perona (CaltechDATA, doi 10.22002/D1.20086, CC BY 4.0)",
    ),
    "caltech256": (
        "caltech256/256_ObjectCategories",
        "Griffin, Holub and Perona (CaltechDATA, doi 10.22002/D1.20087)",
    ),
}

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


def squashed(path: Path) -> NDArray[np.uint8]:
    """A photo file brought to DECODED_SIZE x DECODED_SIZE, whatever its aspect; shape (H, W, 3), uint8, RGB."""
    small = cv2.resize(load_rgb(path), (DECODED_SIZE, DECODED_SIZE), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def split_digit(name: str) -> int:
    """0..9, from the hash of a photo's name (``class/file``): which tenth of its data set it belongs to, for good."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10


def caltech_paths(root: Path, name: str) -> list[Path]:
    """The files of ``caltech101`` or ``caltech256``, sorted; the folder that holds a file names its class.

    Raises:
        DataMissingError: the folder is not there.
    """
    inside, where = _CALTECH[name]
    folder = root / inside
    if not folder.is_dir():
        raise DataMissingError(
            folder, inside, f"With a network: python -m training.data.download {name}. Published by {where}."
        )
    return sorted(folder.glob("*/*.jpg"))


def caltech_photos(root: Path, name: str, cache: Path = CACHE) -> tuple[list[str], NDArray[np.uint8]]:
    """Names (``class/file``) and photos, shape (N, DECODED_SIZE, DECODED_SIZE, 3), uint8, RGB, mapped from a file.

    The decoded photos are kept in ``cache`` (Caltech-101: 1.8 GB, Caltech-256: 6 GB), so that later runs start at once.

    Raises:
        DataMissingError: the folder is not there.
        ValueError: the kept photos are not as many as the folder's files.
    """
    paths = caltech_paths(root, name)
    stored = cache / f"{name}-{DECODED_SIZE}.npy"
    if not stored.is_file():
        _decode(paths, stored)
    photos = np.load(stored, mmap_mode="r")
    if len(photos) != len(paths):
        raise ValueError(f"{stored} holds {len(photos)} photos where {name} has {len(paths)}: delete it")
    return ["/".join(path.parts[-2:]) for path in paths], photos


def _decode(paths: list[Path], stored: Path) -> None:
    stored.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: processes that start together each write one, and the last that is whole stays.
    partial = stored.with_suffix(f".{os.getpid()}")
    shape = (len(paths), DECODED_SIZE, DECODED_SIZE, 3)
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    for index, path in enumerate(track(paths, description=f"Decoding {stored.stem}")):
        array[index] = squashed(path)
    array.flush()
    partial.replace(stored)


def caltech101(root: Path, cache: Path = CACHE) -> PhotoSplit:
    """All of Caltech-101, squashed to DECODED_SIZE; a tenth, chosen by the hash of its name, is the test split.

    Raises:
        DataMissingError: the folder is not there.
    """
    names, photos = caltech_photos(root, "caltech101", cache)
    test = np.array([split_digit(name) == 0 for name in names])
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
