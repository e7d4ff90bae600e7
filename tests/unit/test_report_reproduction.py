"""The page of the paper's tables: what stands in its cells, that its plots are drawn, and that it is up to date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from training.experiments.experiment import Row
from training.experiments.rgan_rows import STRIPS as MEASURED
from training.experiments.tables import EXPERIMENTS
from training.report_names import DISTORTIONS
from training.report_page import COLUMNS, PRINTED_ON
from training.report_plots import PLOTS
from training.report_reproduction import PAGE, PAPER, PICTURES, draw, page, pictures
from training.report_strips import STRIPS
from training.reproduce import RESULTS

ROOT = Path(__file__).resolve().parents[2]
COMPETITION = {"asr_percent": 99.0, "recovered_l2": 1.5, "recovered_psnr_db": 25.0, "recovered_error_percent": 2.0}


def _left(results: Path, experiment: str, name: str, metrics: dict[str, float], training: float = 0.0) -> None:
    """A row's JSON, as ``training.reproduce`` leaves it."""
    record = {
        "metrics": {"images": 10.0} | metrics,
        "training_minutes": training,
        "provenance": {"machine": "a machine", "minutes": 1.25, "date": "2026-01-02"},
    }
    path = results / experiment / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))


def _cells(text: str, heading: str, method: str) -> list[str]:
    """The cells of a method's line in the table under a heading."""
    section = text.split(f"{heading}\n", 1)[1]
    line = next(line for line in section.splitlines() if line.startswith(f"| {method} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_row_of_the_same_data_stands_beside_the_papers_with_the_difference(tmp_path: Path) -> None:
    _left(tmp_path, "table3", "mnist-lenet5-das", COMPETITION)
    cells = _cells(page(tmp_path), "### Table 3: MNIST, LeNet-5", "Das et al. (JPEG)")
    assert cells[:4] == ["99.00", "1.67", "1.50", "-0.17"]
    assert cells[4:10] == ["24.78", "25.00", "+0.22", "37.07", "2.00", "-35.07"]
    assert cells[10:] == ["1.2", ""]


def test_a_row_of_other_data_is_subtracted_from_nothing(tmp_path: Path) -> None:
    _left(tmp_path, "table3", "caltech101-resnet50-das", COMPETITION)
    text = page(tmp_path)
    cells = _cells(text, "### Table 3: Caltech-101, ResNet-50", "Das et al. (JPEG)")
    assert cells == ["99.00", "7.78", "1.50", "34.48", "25.00", "21.47", "2.00", "1.2", ""]
    assert "paper, Caltech-256, other data" in text


def test_what_was_measured_in_floats_has_a_line_of_its_own(tmp_path: Path) -> None:
    floats = {"float_recovered_l2": 0.75, "float_recovered_psnr_db": 33.0, "float_recovered_error_percent": 1.0}
    _left(tmp_path, "table3", "mnist-lenet5-rgan", COMPETITION | floats, training=28.25)
    cells = _cells(page(tmp_path), "### Table 3: MNIST, LeNet-5", "RGAN (our recipe), in floats")
    assert cells == ["-", "0.5", "0.75", "+0.25", "35.24", "33.00", "-2.24", "1.16", "1.00", "-0.16", "", ""]


def test_what_was_not_run_says_so_and_equal_images_have_no_psnr(tmp_path: Path) -> None:
    clean = {"recovered_l2": 0.0, "recovered_error_percent": 0.5, "recovered_equal_percent": 100.0}
    _left(tmp_path, "table3", "mnist-lenet5-clean", clean)
    text = page(tmp_path)
    assert _cells(text, "### Table 3: MNIST, LeNet-5", "clean")[4:7] == ["∞", "∞", "-"]
    assert _cells(text, "### Table 3: MNIST, LeNet-5", "Xie et al. (resize and pad)")[:3] == [
        "not run",
        "7.66",
        "not run",
    ]
    assert "Not run on Caltech-101 yet: EfficientNet-Lite0 (`--network lite0`)" in text
    assert "MNIST: 1 of 9, Caltech-101: 0 of 66" in text


def test_every_value_of_the_paper_has_its_place() -> None:
    for experiment, data in json.loads(PAPER.read_text()).items():
        rows = EXPERIMENTS[experiment]().rows
        for name, methods in data.items():
            dataset, _, network = name.partition("-")
            dataset = "caltech101" if (network and dataset == PRINTED_ON) else dataset
            known = [row.method for row in rows if not network or (row.dataset, row.network) == (dataset, network)]
            assert set(methods) <= set(known)
            keys = {key for values in methods.values() for key in values} - {"state"}
            assert keys <= {column.key for column in COLUMNS[experiment] if column.in_paper}


def _metrics(row: Row, seed: int) -> dict[str, float]:
    """Made-up values for all that a plot or a table may ask for."""
    keys = [column.key for columns in COLUMNS.values() for column in columns]
    keys += [f"{name}_clean_changed_percent" for name in DISTORTIONS]
    random = np.random.default_rng(seed)
    return {key: float(random.uniform(0, 100)) for key in keys}


def _filled(results: Path, every: int) -> None:
    """Results for every so many-th row, and pictures where they are wanted."""
    for name, build in EXPERIMENTS.items():
        for number, row in enumerate(build().rows):
            if number % every == 0:
                _left(results, name, row.name, _metrics(row, number))
    grid = np.random.default_rng(0).integers(0, 256, (8 * len(MEASURED), 64, 3), dtype=np.uint8)
    for strips in STRIPS.values():
        for row in EXPERIMENTS[strips.source]().rows[::every]:
            if strips.wanted(row):
                cv2.imwrite(str(results / strips.source / f"{row.name}.png"), grid[: 8 * len(strips.names)])


@pytest.mark.parametrize("every", [1, 3])
def test_all_that_the_page_shows_is_drawn_whether_all_rows_have_been_run_or_some(every: int, tmp_path: Path) -> None:
    _filled(tmp_path / "results", every)
    draw(tmp_path / "results", tmp_path / "pictures")
    text = page(tmp_path / "results")
    drawn = sorted(path.stem for path in (tmp_path / "pictures").iterdir())
    assert drawn == sorted(part.split(".png")[0] for part in text.split(f"{PICTURES}/")[1:])
    assert {name.split("-")[0] for name in drawn} >= set(PLOTS)
    for path in (tmp_path / "pictures").iterdir():
        assert np.std(cv2.imread(str(path))) > 10
    assert page(tmp_path / "results") == text


def test_a_picture_that_is_no_longer_shown_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "figure7-old.png").touch()
    draw(tmp_path / "results", folder)
    assert list(folder.iterdir()) == []


def test_the_page_and_its_pictures_are_made_from_the_results_in_the_repository() -> None:
    """Otherwise: make report."""
    assert (ROOT / PAGE).read_text() == page(ROOT / RESULTS)
    shown: dict[str, Any] = {}
    for build in EXPERIMENTS.values():
        shown |= {picture.name: picture.digest for picture in pictures(build(), ROOT / RESULTS)}
    folder = ROOT / PAGE.parent / PICTURES
    assert sorted(path.stem for path in folder.iterdir()) == sorted(shown)
    for name, digest in shown.items():
        assert digest.encode() in (folder / f"{name}.png").read_bytes(), name
