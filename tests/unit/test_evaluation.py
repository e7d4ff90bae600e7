"""The evaluation: its sums by hand, its memory between runs, and each part on a photo with the shipped models."""

from __future__ import annotations

import asyncio
import json
import math
from argparse import Namespace
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from services.imaging import perturb, pipeline
from services.imaging.photo import FileTraits, Photo
from services.imaging.receipt import Tier
from services.imaging.resample import down
from services.inference.canary import canary_inputs
from services.inference.embedded import EmbeddedBackend
from training.data.photos import split_digit
from training.evaluation import __main__ as evaluation
from training.evaluation import journeys, keyless, protections, public_pairs, removals, strength
from training.evaluation.eyes import Eyes
from training.evaluation.faces import overlap
from training.evaluation.gathering import Gathering
from training.evaluation.lines import Lines, Row, summary, wilson
from training.evaluation.looks import gradient_similarity_deviation
from training.evaluation.protections import Protections, Setting
from training.evaluation.subjects import Subject, resized
from training.report_photo import tables

REPOSITORY = Path(__file__).parents[2] / "triton_models"


def test_wilsons_interval() -> None:
    assert wilson(0, 10) == [0.0, 27.8]
    assert wilson(10, 10) == [72.2, 100.0]
    assert wilson(5, 10) == [23.7, 76.3]
    assert wilson(0, 0) is None


def test_a_summary_counts_what_the_clean_photo_allows() -> None:
    found = {
        "a": {"x": Row(True, False, {"psnr_db": 40.0, "exact": True})},
        "b": {"x": Row(True, True, {"psnr_db": 42.0, "exact": False})},
        "c": {"x": Row(False, False, {"psnr_db": 44.0, "exact": True})},
    }
    figures = summary(found)["x"]
    assert (figures["photos"], figures["counted"]) == (3, 2)
    assert figures["attack_success_rate_percent"] == 50.0
    assert figures["clean_wrong_percent"] == 33.3
    assert (figures["psnr_db_mean"], figures["psnr_db_least"]) == (42.0, 40.0)
    assert (figures["exact_percent"], figures["exact_photos"]) == (66.7, 3)


def test_a_mean_of_infinities_is_not_given() -> None:
    rows = {str(db): {"x": Row(True, True, {"restored_db": db})} for db in (math.inf, 50.0)}
    figures = summary(rows)["x"]
    assert (figures["restored_db_infinite_photos"], figures["restored_db_least"]) == (1, 50.0)
    assert "restored_db_mean" not in figures


def test_lines_are_there_after_a_run_is_cut_off(tmp_path: Path) -> None:
    rows = {"x": Row(True, False, {"restored_db": math.inf, "exact": True})}
    Lines(tmp_path / "part.jsonl").add("photo", rows)
    assert Lines(tmp_path / "part.jsonl").kept == {"photo": rows}


def test_gmsd_grows_with_the_disturbance() -> None:
    pixels = data.astronaut()
    noise = np.random.default_rng(0).normal(0.0, 1.0, pixels.shape)
    found = [
        gradient_similarity_deviation(pixels, np.clip(pixels + sigma * noise, 0, 255).astype(np.uint8))
        for sigma in (0.0, 4.0, 16.0)
    ]
    assert found[0] == 0.0
    assert found == sorted(found)


def test_removals_smooth_and_keep_flat_surfaces() -> None:
    flat = np.full((40, 50, 3), 128, dtype=np.uint8)
    noisy = np.clip(128 + np.random.default_rng(0).normal(0.0, 4.0, flat.shape), 0, 255).astype(np.uint8)
    for name, removal in removals.REMOVALS.items():
        assert np.abs(removal(flat).astype(int) - flat).max() <= 1, name
        assert removal(noisy).shape == noisy.shape
        assert removal(noisy).std() < noisy.std(), name


@pytest.fixture(scope="module")
def eyes() -> Eyes:
    return Eyes()


def subject(name: str, pixels: np.ndarray, eyes: Eyes) -> Subject:
    photo = resized(Photo(pixels, FileTraits("image/png", pixels.size, lossless=True)), 224)
    return Subject(name, photo, eyes.look(photo.pixels, 0).label)


def test_each_part_measures_a_photo(eyes: Eyes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protections, "RUNS", tmp_path)
    cat, cup = subject("cat", data.chelsea(), eyes), subject("cup", data.coffee(), eyes)
    sealed = Protections(Setting(Tier.SEALED, 40.0, "224"), REPOSITORY)

    strong = strength.measure(cat, cup, sealed, eyes)
    assert strong["Lite0"].clean
    assert not strong["Lite0"].right
    assert strong["Lite0"].figures["restored_bit_exact"]
    assert strong["Lite0"].figures["restored_label_agrees"]
    assert strong["Lite0"].figures["protected_psnr_db"] == pytest.approx(40.0, abs=1.0)
    for name, row in strong.items():
        if name.startswith(strength.CONTROLS):
            assert row.figures["protected_psnr_db"] == pytest.approx(40.0, abs=1.5), name

    travelled, cleaned = journeys.measure(cat, sealed, eyes), removals.measure(cat, sealed, eyes)
    assert travelled["channel: Mastodon, Lite0"].figures["gap_to_channel_db"] < 1.0
    assert cleaned["JPEG 50, Lite0"].figures["gain_db"] < 0.0

    provenance = dict.fromkeys(("command", "commit", "data", "machine", "minutes", "date"), "-")
    about = {"tier": "sealed", "strength_db": 40.0, "size": "224", "provenance": provenance}
    parts = {"strength": strong, "journeys": travelled, "removals": cleaned}
    page = tables({"part": part, "rows": summary({"cat": rows}), **about} for part, rows in parts.items())
    assert page.count("###") == len(parts)
    assert "| Lite2 (unseen) |" in page
    assert "| channel: Instagram | 1 |" in page


def test_a_keyless_restorer_is_trained_once_and_measured(
    eyes: Eyes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protections, "RUNS", tmp_path)
    sealed = Protections(Setting(Tier.SEALED, 40.0, "224"), REPOSITORY)
    cat = subject("cat", data.chelsea(), eyes)
    code = sealed.code(cat)
    pair = (down(perturb.add(cat.photo.pixels, code)), code)
    monkeypatch.setattr(public_pairs, "read", lambda *_: tuple(torch.from_numpy(np.stack([tensor])) for tensor in pair))
    trained = keyless.KeylessRestorer(sealed, tmp_path, pairs=1, minutes=0.05)

    monkeypatch.setattr(public_pairs, "read", None)  # a second one would need pairs
    kept = keyless.KeylessRestorer(sealed, tmp_path, pairs=1, minutes=0.05)
    estimates = [restorer.estimate(cat.photo.pixels, 1.0) for restorer in (trained, kept)]
    assert np.array_equal(*estimates)

    rows = keyless.measure(cat, kept, sealed, eyes)
    assert {f"keyless restorer, 1 pairs, times {factor:g}, Lite2" for factor in keyless.FACTORS} <= set(rows)
    assert "label_brought_back" in rows["keyless restorer, 1 pairs, twice, Lite0"].figures


def test_an_opponent_protects_each_photo_whole_and_then_its_middle() -> None:
    paths = [Path(f"{index}.jpg") for index in range(5)]
    order = public_pairs.chosen(paths, 8)
    assert [is_middle for _, is_middle in order] == [False] * 5 + [True] * 3
    assert {path for path, _ in order[:5]} == set(paths)
    assert [path for path, _ in order[5:]] == [path for path, _ in order[:3]]
    # Fewer are a part of more.
    assert public_pairs.chosen(paths, 3) == order[:3]
    with pytest.raises(ValueError, match="10 pairs, not 11"):
        public_pairs.chosen(paths, 11)
    assert public_pairs.middle(np.zeros((120, 60, 3), np.uint8)).shape == (80, 40, 3)


def data_folder(root: Path, photos: dict[str, np.ndarray]) -> Path:
    """A data folder whose Caltech-101 is these photos, none of them in its test tenth."""
    inside = root / "caltech101/101_ObjectCategories/cats"
    inside.mkdir(parents=True)
    names = (f"{index}.jpg" for index in range(100) if split_digit(f"cats/{index}.jpg") != 0)
    for name, pixels in zip(names, photos.values(), strict=False):
        cv2.imwrite(str(inside / name), pixels)
    return root


def test_pairs_are_found_once_and_read_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protections, "RUNS", tmp_path / "runs")
    root = data_folder(tmp_path, {"cat": data.chelsea(), "cup": data.coffee()})
    one_pass = Protections(Setting(Tier.ONE_PASS, 37.0, "native"), REPOSITORY)
    public_pairs.find(one_pass, root, 1)
    first = next((one_pass.folder / "codes").iterdir())
    found_at = first.stat().st_mtime_ns

    images, codes = public_pairs.read(one_pass, root, 3)
    assert first.stat().st_mtime_ns == found_at, "a code that is kept is not sought again"
    assert (images.shape, codes.shape) == ((3, 3, 224, 224), (3, 3, 56, 56))
    assert np.array_equal(codes[0], np.load(first))
    assert len({code.numpy().tobytes() for code in codes}) == 3, "the first photo's middle is another photo"
    with pytest.raises(ValueError, match="4 pairs, not 5"):
        public_pairs.find(one_pass, root, 5)


async def test_what_is_asked_at_once_runs_as_one_batch(eyes: Eyes) -> None:
    photos = [subject(name, getattr(data, name)(), eyes).photo for name in ("chelsea", "coffee", "astronaut")]
    embedded = EmbeddedBackend(REPOSITORY)
    infer = Mock(side_effect=embedded.infer)
    gathering = Gathering(Mock(infer=infer), batch=2)

    together = await asyncio.gather(*(pipeline.find_code(photo, Tier.ONE_PASS, gathering) for photo in photos))
    ran = [len(call.args[1]["INPUT__0"]) for call in infer.call_args_list]
    assert sorted(ran) == [1, 2], "the third one's wait ends though its batch is not full"
    for photo, receipt in zip(photos, together, strict=True):
        alone = await pipeline.find_code(photo, Tier.ONE_PASS, embedded)
        # A batch's sums are rounded otherwise, which moves a cell or two by a step.
        assert np.mean(receipt.code != alone.code) < 0.01
        assert (receipt.model_version, receipt.original_sha256) == (alone.model_version, alone.original_sha256)


async def test_a_batch_that_fails_tells_each_who_asked() -> None:
    gathering = Gathering(Mock(infer=AsyncMock(side_effect=RuntimeError("out of memory"))))
    asked = [gathering.infer("recoverer", canary_inputs("recoverer")) for _ in range(2)]
    failed = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(error) for error in failed] == ["out of memory"] * 2


def test_boxes_overlap_by_the_share_of_what_they_cover_together() -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    assert overlap(box, box) == 1.0
    assert overlap(box, box + np.array([5, 0, 5, 0], np.float32)) == pytest.approx(1 / 3)
    assert overlap(box, box + 20) == 0.0


def test_heads_for_other_classes_look_through_the_same_networks() -> None:
    eyes = Eyes("caltech101")
    assert eyes.names == ("Lite0", "Lite1", "Lite2", "MobileNetV2", "Thin ResNet-50")
    sights = [eyes.look(data.chelsea(), variant) for variant in range(len(eyes.names))]
    assert all(sight.label < 101 for sight in sights)
    assert len({sight.label for sight in sights}) == 1, "a cat's face is no hard photo"


def test_networks_of_other_families_look_beside_them_and_at_the_controls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protections, "RUNS", tmp_path)
    eyes = Eyes("caltech101")
    cat, cup = subject("cat", data.chelsea(), eyes), subject("cup", data.coffee(), eyes)
    setting = Setting(Tier.ONE_PASS, 37.0, "224", "caltech101")
    rows = strength.measure(cat, cup, Protections(setting, REPOSITORY), eyes)
    assert set(eyes.names) <= set(rows)
    assert {f"{strength.CONTROLS}stripes, seen by {name}" for name in ("MobileNetV2", "Thin ResNet-50")} <= set(rows)

    provenance = dict.fromkeys(("command", "commit", "data", "machine", "minutes", "date"), "-")
    about = {"tier": "one-pass", "strength_db": 37.0, "size": "224", "dataset": "caltech101", "provenance": provenance}
    page = tables([{"part": "strength", "rows": summary({"cat": rows}), **about}])
    assert "| Thin ResNet-50, centre crop (unseen, another family) | " in page
    assert "| control: white noise, seen by MobileNetV2 | " in page


def test_a_network_that_came_later_looks_at_the_photos_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protections, "RUNS", tmp_path)
    setting = Setting(Tier.ONE_PASS, 37.0, "224", "caltech101")
    old, new = {"Lite0": Row(True, True)}, {"Lite0": Row(True, False), "MobileNetV2": Row(True, False)}
    lines = Lines(Protections(setting, REPOSITORY).folder / "strength.jsonl")
    lines.add("before", old)
    lines.add("complete", new)
    looked: list[str] = []
    monkeypatch.setattr(evaluation, "measures", lambda *_: lambda photo: looked.append(photo.name) or new)
    photos = [Namespace(name=name) for name in ("before", "complete")]
    eyes = Namespace(names=tuple(new))
    written = evaluation.run("strength", setting, photos, eyes, Namespace(repository=REPOSITORY, out=tmp_path))
    assert looked == ["before"]
    assert json.loads(written.read_text())["rows"]["Lite0"]["attack_success_rate_percent"] == 100.0
