"""MNIST from its four IDX files, plain or gzipped."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.data.photos import DataMissingError

#: The last of the training images are the validation split: settings are chosen on them, never on the test images.
VALIDATION = 5000

#: The type byte of an IDX file that holds unsigned bytes.
_UNSIGNED_BYTES = 8


@dataclass(frozen=True)
class LabelledImages:
    """Images, uint8, shape (N, C, H, W), and their classes, int64, shape (N,)."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Mnist:
    """55,000, 5,000 and 10,000 images of shape (1, 28, 28), as published."""

    train: LabelledImages
    validation: LabelledImages
    test: LabelledImages


def mnist(root: Path) -> Mnist:
    """MNIST under ``root/MNIST/raw``.

    Raises:
        DataMissingError: a file is not there.
        ValueError: a file is not an IDX file of unsigned bytes, or is cut short.
    """
    train, test = _labelled(root, "train"), _labelled(root, "t10k")
    kept = max(len(train.labels) - VALIDATION, 0)
    return Mnist(
        train=LabelledImages(train.images[:kept], train.labels[:kept]),
        validation=LabelledImages(train.images[kept:], train.labels[kept:]),
        test=test,
    )


def _labelled(root: Path, part: str) -> LabelledImages:
    images = _read(root, f"{part}-images-idx3-ubyte")
    labels = _read(root, f"{part}-labels-idx1-ubyte")
    if len(images) != len(labels):
        raise ValueError(f"MNIST's {part} files hold {len(images)} images and {len(labels)} labels: fetch them again")
    return LabelledImages(images[:, None], labels.long())


def _read(root: Path, name: str) -> Tensor:
    folder = root / "MNIST" / "raw"
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.is_file():
        content = plain.read_bytes()
    elif packed.is_file():
        content = gzip.decompress(packed.read_bytes())
    else:
        raise DataMissingError(
            plain,
            "MNIST/raw/ with the four IDX files",
            "With a network: python -m training.data.download mnist. Published by LeCun, Cortes and Burges.",
        )
    return _idx(content, name)


def _idx(content: bytes, name: str) -> Tensor:
    """An IDX file: two zero bytes, the type, the number of axes, each axis's length in 4 bytes, then the values."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTES:
        raise ValueError(f"{name} is not an IDX file of unsigned bytes: fetch it again")
    start = 4 + 4 * content[3]
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    values = np.frombuffer(content, np.uint8, offset=start)
    if values.size != int(np.prod(shape)):
        raise ValueError(f"{name} holds {values.size} values where its header says {shape}: fetch it again")
    return torch.from_numpy(values.reshape(shape).copy())
