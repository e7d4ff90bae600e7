"""Caltech: the split never moves, crops are where they should be, and a folder that is not whole is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from caltech_files import BESIDE, FOLDER, made

from training.data.caltech import CLASSES, CROP, LabelledPhotos, caltech, centre_crop, random_crop
from training.data.download import BY_HAND, download
from training.data.photos import DECODED_SIZE, DataMissingError, caltech101, split_digit


@pytest.fixture(scope="module", params=sorted(CLASSES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    return made(tmp_path_factory.mktemp("data"), name)


def test_every_photo_of_a_class_is_in_one_split_with_its_label(root: Path, name: str) -> None:
    split = caltech(root, name, root / "cache")
    parts = (split.train, split.validation, split.test)
    assert len(split.classes) == CLASSES[name]
    assert BESIDE[name] not in split.classes
    labels = torch.cat([part.labels for part in parts])
    assert sorted(labels.tolist()) == list(range(CLASSES[name]))
    for part, digits in zip(parts, (range(2, 10), (1,), (0,)), strict=True):
        assert len(part) > 0
        for row, label in zip(part.rows, part.labels.tolist(), strict=True):
            assert part.photos[row].mean() == pytest.approx(label, abs=1)  # it is that class's photo
            assert split_digit(f"{split.classes[label]}/image_0001.jpg") in digits


def test_a_subset_is_spread_over_the_classes_and_half_of_it_is_part_of_it(tmp_path: Path) -> None:
    train = caltech(made(tmp_path, "caltech101"), "caltech101", tmp_path / "cache").train
    whole, half = train.spread(20), train.spread(10)
    assert len(whole) == 20
    assert half.rows.tolist() == whole.rows[::2].tolist()
    assert whole.labels.tolist() == [int(train.labels[i * len(train) // 20]) for i in range(20)]
    assert train.spread(len(train)).rows.tolist() == train.rows.tolist()


def test_as_many_of_each_class_are_taken_and_all_of_a_small_one() -> None:
    photos, labels = np.zeros((20, 1, 1, 3), np.uint8), torch.tensor([0] * 6 + [2] * 2 + [1] * 3)
    some = LabelledPhotos(photos, np.arange(5, 16), labels).most_of_class(3)
    assert some.rows.tolist() == [5, 7, 9, 13, 14, 15, 11, 12]
    assert some.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]


def test_the_hash_rule_of_the_split_is_fixed() -> None:
    """Models were trained on what this rule left them: it must never change."""
    names = [f"{folder}/image_{n:04}.jpg" for folder in ("Faces", "accordion", "yin_yang") for n in (1, 2, 3, 4)]
    assert [split_digit(name) for name in names] == [4, 3, 1, 0, 9, 5, 6, 7, 9, 7, 2, 9]


def test_the_photos_without_classes_have_the_same_test_split(tmp_path: Path) -> None:
    root = made(tmp_path, "caltech101")
    labelled = caltech(root, "caltech101", root / "cache")
    found = caltech101(root, root / "cache").test
    of_no_class = int(split_digit(f"{BESIDE['caltech101']}/image_0001.jpg") == 0)
    assert len(found) == len(labelled.test) + of_no_class
    expected = {photo.tobytes() for photo in labelled.test.photos[labelled.test.rows]}
    assert expected <= {photo.tobytes() for photo in found}


def test_decoded_photos_are_kept_and_fit_the_folder(root: Path, name: str) -> None:
    cache = root / "cache"
    caltech(root, name, cache)
    (stored,) = cache.iterdir()
    before = stored.stat().st_mtime_ns
    caltech(root, name, cache)
    assert stored.stat().st_mtime_ns == before
    more = root / FOLDER[name] / "000.thing" / "image_0002.jpg"
    cv2.imwrite(str(more), np.zeros((9, 9, 3), dtype=np.uint8))
    try:
        with pytest.raises(ValueError, match="delete it"):
            caltech(root, name, cache)
    finally:
        more.unlink()


def test_a_missing_folder_is_named_with_where_it_is_published(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataMissingError, match=rf"{FOLDER[name]}.*training\.data\.download {name}.*CaltechDATA"):
        caltech(tmp_path, name)


def test_a_folder_without_every_class_is_refused(tmp_path: Path) -> None:
    root = made(tmp_path, "caltech101")
    (root / FOLDER["caltech101"] / "050.thing" / "image_0001.jpg").unlink()
    with pytest.raises(ValueError, match="has 101 classes, and the folder 100"):
        caltech(root, "caltech101", root / "cache")


def _ramp() -> np.ndarray:
    """A photo whose red is its row, green its column."""
    rows, columns = np.indices((DECODED_SIZE, DECODED_SIZE), dtype=np.uint8)
    return np.stack([rows, columns, np.zeros_like(rows)], axis=2)


def test_the_centre_crop_is_in_the_middle() -> None:
    crop = centre_crop(_ramp())
    assert crop.shape == (3, CROP, CROP)
    assert crop[0, 0, 0] == crop[1, 0, 0] == (DECODED_SIZE - CROP) // 2


def test_random_crops_reach_every_edge_and_are_mirrored_half_of_the_time() -> None:
    generator = torch.Generator().manual_seed(0)
    crops = [random_crop(_ramp(), generator) for _ in range(400)]
    tops = {int(crop[0, 0, 0]) for crop in crops}
    lefts = {int(crop[1, 0].min()) for crop in crops}
    assert tops == lefts == set(range(DECODED_SIZE - CROP + 1))
    mirrored = [crop[1, 0, 0] > crop[1, 0, -1] for crop in crops]
    assert 0.4 < np.mean(mirrored) < 0.6


def test_a_batch_is_the_generators_chance_alone(root: Path, name: str) -> None:
    train = caltech(root, name, root / "cache").train
    chosen = torch.tensor([3, 1])
    (x, label), (again, _) = (train.batch(chosen, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(x, again)
    assert torch.equal(label, train.labels[chosen])
    assert x.dtype == torch.uint8
    assert x.shape == (2, 3, CROP, CROP)
    assert x.float().mean(dim=(1, 2, 3)) == pytest.approx(label.tolist(), abs=1)


def test_torchvision_finds_the_folder_where_the_loader_does(root: Path, name: str) -> None:
    """Its download does nothing when the data set is there, so this needs no network."""
    assert name in BY_HAND
    download(name, root)
