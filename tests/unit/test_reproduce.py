"""Every experiment builds, and a row of each kind runs in miniature on made-up digits and photos."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from caltech_files import made

from training.attacks import FGSM
from training.data.photos import caltech_paths, split_digit
from training.experiments.baseline_rows import Clean
from training.experiments.context import Context
from training.experiments.experiment import Experiment, Outcome, Row
from training.experiments.tables import EXPERIMENTS
from training.models.target import load_target
from training.reproduce import SHOWN_BY, listing, main, run

#: Rows that between them take every path: RGAN trained, mixed losses, depths, distortions, defenses, attacks, clean.
DIGITS = [
    ("table1", "skip_max_max"),
    ("table2", "alpha1_beta1"),
    ("figure6a", "g2_r10"),
    ("figure7", "k4"),
    ("figure8", "zhou"),
    ("figure10", "lambda14"),
    ("figure5", "advgan"),
    *(("table5", method) for method in ("xie", "guo", "prakash", "das", "mustafa", "jin", "clean")),
]

#: On photos what differs there: attacks' settings, and defenses that learn from patches.
PHOTOS = [
    ("table3", "mustafa"),
    ("table4", "jin"),
    ("table5", "zhou"),
    ("table3", "rgan_all"),
    ("table3", "clean_all"),
    ("figure4", "to_lite0"),
    ("figure5", "cw"),
    ("figure5", "advgan"),
]


def _idx(path: Path, values: np.ndarray) -> None:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small wait for their threads longer than they compute, ten times as long on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: 5,064 training digits, of which 64 are left when the validation split is taken; 16 to test."""
    root = tmp_path_factory.mktemp("data")
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, size in (("train", 5064), ("t10k", 16)):
        _idx(raw / f"{part}-images-idx3-ubyte", random.integers(0, 256, (size, 28, 28)))
        _idx(raw / f"{part}-labels-idx1-ubyte", random.integers(0, 10, size))
    return root


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a plain photo for each class of Caltech-101: 4 to test, 16 to train on, for speed no more."""
    root = made(tmp_path_factory.mktemp("photos"), "caltech101")
    for index, path in enumerate(caltech_paths(root, "caltech101")):
        digit = 0 if index < 4 else 2 if index < 20 else 1
        names = (f"image_{number:04}.jpg" for number in count())
        path.rename(path.with_name(next(n for n in names if split_digit(f"{path.parent.name}/{n}") == digit)))
    return root


def test_every_experiment_builds_and_names_each_row_once() -> None:
    for name, build in EXPERIMENTS.items():
        experiment = build()
        names = [row.name for row in experiment.rows]
        assert experiment.id == name
        assert len(set(names)) == len(names)


def test_figures_9_and_11_are_of_rows_that_there_are() -> None:
    for experiment, methods in SHOWN_BY.values():
        assert set(methods or []) <= {row.method for row in EXPERIMENTS[experiment]().rows}


def _row(name: str, network: str, method: str) -> Row:
    return next(row for row in EXPERIMENTS[name]().rows if (row.network, row.method) == (network, method))


def _run(name: str, row: Row, context: Context, results: Path) -> dict[str, Any]:
    assert run(Experiment(name, "", (row,)), context, results) == []
    record: dict[str, Any] = json.loads((results / name / f"{row.name}.json").read_text())
    assert all(isinstance(value, float | int) for value in record["metrics"].values())
    assert {"command", "seed", "commit", "machine", "minutes", "date"} <= set(record["provenance"])
    return record


@pytest.mark.parametrize(("name", "method"), DIGITS)
def test_a_row_runs_in_miniature_and_leaves_numbers_and_their_origin(
    name: str, method: str, data: Path, tmp_path: Path
) -> None:
    context = Context(data, runs=tmp_path / "runs", limit=16, miniature=True)
    record = _run(name, _row(name, "lenet5", method), context, tmp_path / "results")
    assert record["metrics"]["images"] == 16


@pytest.mark.parametrize(("name", "method"), PHOTOS)
def test_a_row_runs_in_miniature_on_photos(
    name: str, method: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)  # where decoded photos are kept, too
    context = Context(photos, runs=tmp_path / "runs", limit=2, miniature=True)
    record = _run(name, _row(name, "lite0", method), context, tmp_path / "results")
    assert record["metrics"]["images"] == 2


def test_a_row_without_weights_is_told_with_its_command_and_stops_no_other(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(photos)
    without = Row("caltech256", "resnet50", "clean", Clean("caltech256", "resnet50"))
    untrained = Row("caltech101", "untrained", "clean", Untrained())
    last = _row("table5", "lite0", "clean")
    context = Context(photos, runs=tmp_path / "runs", limit=2, miniature=True)
    experiment = Experiment("table5", "", (without, untrained, last))
    assert run(experiment, context, tmp_path) == [without.name, untrained.name]
    told = capsys.readouterr().out
    assert "python -m training.data.download caltech256" in told
    assert "python -m training.train_classifier --dataset caltech101 --network resnet50 --teacher lite2" in told
    assert [path.name for path in (tmp_path / "table5").iterdir()] == [f"{last.name}.json"]


def test_examples_are_kept_until_the_network_changes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_target("mnist", "lenet5")
    monkeypatch.setattr(Context, "target", lambda *_: network)
    context, attack = Context(data, runs=tmp_path, limit=4), FGSM(epsilon=0.2)
    first = context.adversarial(attack, "mnist", "lenet5")
    (path,) = (tmp_path / "adversarial").iterdir()
    made = path.stat().st_mtime_ns
    assert torch.equal(context.adversarial(attack, "mnist", "lenet5"), first)
    assert path.stat().st_mtime_ns == made
    next(network.parameters()).neg_()
    assert not torch.equal(context.adversarial(attack, "mnist", "lenet5"), first)


@dataclass(frozen=True)
class Untrained:
    """A row whose classifier's weights are nowhere."""

    def __call__(self, context: Context) -> Outcome:
        load_target("caltech101", "resnet50", context.runs)
        raise AssertionError("there are no such weights")


def test_a_row_that_is_done_is_not_run_again_unless_asked(data: Path, tmp_path: Path) -> None:
    row = _row("table5", "lenet5", "das")
    experiment = Experiment("table5", "", (row,))
    context = Context(data, runs=tmp_path / "runs", limit=8, miniature=True)
    result = tmp_path / "table5" / f"{row.name}.json"
    run(experiment, context, tmp_path)
    result.unlink()
    run(experiment, context, tmp_path)
    assert not result.exists()
    run(experiment, context, tmp_path, again=True)
    assert result.exists()


def test_the_listing_is_of_what_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["--results", str(tmp_path), "--list", "table5", "--network", "lite0", "--method", "das"]
    monkeypatch.setattr("sys.argv", ["reproduce", *asked])
    assert main() == 0
    title, row = capsys.readouterr().out.splitlines()
    assert title.startswith("table5")
    assert row.split() == ["caltech101-lite0-das", "not", "run"]


def test_the_listing_names_every_row_and_tells_those_that_have_been_run(tmp_path: Path) -> None:
    row = _row("table5", "lenet5", "das")
    (tmp_path / "table5").mkdir()
    origin = {"date": "2026-01-02", "minutes": 3.25}
    (tmp_path / "table5" / f"{row.name}.json").write_text(json.dumps({"training_minutes": 0.0, "provenance": origin}))
    experiments = {name: build() for name, build in EXPERIMENTS.items()}
    lines = list(listing(experiments, tmp_path))
    rows = sum(len(experiment.rows) for experiment in experiments.values())
    assert sum(line.endswith("not run") for line in lines) == rows - 1
    (done,) = [line for line in lines if "run on" in line]
    assert " ".join(done.split()) == f"{row.name} run on 2026-01-02 in 3.2 minutes"
    assert any(line.startswith("table5") and "(1 of" in line for line in lines)
