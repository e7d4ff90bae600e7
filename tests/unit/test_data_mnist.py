"""MNIST's files: plain or gzipped, missing, cut short, or something else."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.mnist import VALIDATION, mnist
from training.data.photos import DataMissingError

NAMES = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def _idx(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return header + values.astype(np.uint8).tobytes()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """5,003 training images and 2 to test, the test images gzipped."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in NAMES:
        count = VALIDATION + 3 if name.startswith("train") else 2
        shape = (count, 28, 28) if "images" in name else (count,)
        content = _idx(np.arange(np.prod(shape)).reshape(shape) % 10)
        if name == "t10k-images-idx3-ubyte":
            (raw / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (raw / name).write_bytes(content)
    return tmp_path


def test_the_last_training_images_are_for_validation(root: Path) -> None:
    found = mnist(root)
    assert [len(part.labels) for part in (found.train, found.validation, found.test)] == [3, VALIDATION, 2]
    assert found.validation.labels[0] == 3
    assert found.test.images.shape == (2, 1, 28, 28)
    assert found.test.images.dtype == torch.uint8
    assert found.test.labels.dtype == torch.int64


def test_a_missing_file_is_named_with_where_it_is_published(root: Path) -> None:
    (root / "MNIST" / "raw" / NAMES[0]).unlink()
    with pytest.raises(DataMissingError, match=r"(?s)train-images-idx3-ubyte.*training\.data\.download mnist"):
        mnist(root)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"PNG?", "not an IDX file"), (b"", "not an IDX file"), (_idx(np.zeros((9, 28, 28)))[:-1], "fetch it again")],
)
def test_a_file_that_is_no_idx_or_cut_short_is_refused(root: Path, content: bytes, message: str) -> None:
    (root / "MNIST" / "raw" / NAMES[0]).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        mnist(root)


def test_images_and_labels_have_to_be_as_many(root: Path) -> None:
    (root / "MNIST" / "raw" / NAMES[3]).write_bytes(_idx(np.zeros(3)))
    with pytest.raises(ValueError, match="2 images and 3 labels"):
        mnist(root)
