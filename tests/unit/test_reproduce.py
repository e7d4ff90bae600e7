"""Every experiment builds, and a row of each kind runs in miniature on made-up digits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training.experiments.context import Context
from training.experiments.experiment import Experiment, Row
from training.experiments.tables import EXPERIMENTS
from training.reproduce import run

#: Rows that between them take every path: RGAN trained, mixed losses, depths, distortions, every defense, clean.
MINIATURE = [
    ("table1", "skip_max_max"),
    ("table2", "alpha1_beta1"),
    ("figure6a", "g2_r10"),
    ("figure7", "k4"),
    ("figure8", "zhou"),
    ("figure10", "lambda14"),
    *(("table5", method) for method in ("xie", "guo", "prakash", "das", "mustafa", "jin", "clean")),
]


def _idx(path: Path, values: np.ndarray) -> None:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: 5,064 training digits, of which 64 are left when the validation split is taken; 16 to test."""
    root = tmp_path_factory.mktemp("data")
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", 5064), ("t10k", 16)):
        _idx(raw / f"{part}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28)))
        _idx(raw / f"{part}-labels-idx1-ubyte", random.integers(0, 10, count))
    return root


def test_every_experiment_builds_and_names_each_row_once() -> None:
    for name, build in EXPERIMENTS.items():
        experiment = build()
        names = [row.name for row in experiment.rows]
        assert experiment.id == name
        assert len(set(names)) == len(names)


def _row(experiment: Experiment, method: str) -> Row:
    return next(row for row in experiment.rows if row.method == method)


@pytest.mark.parametrize(("name", "method"), MINIATURE)
def test_a_row_runs_in_miniature_and_leaves_numbers_and_their_origin(
    name: str, method: str, data: Path, tmp_path: Path
) -> None:
    experiment = EXPERIMENTS[name]()
    row = _row(experiment, method)
    context = Context(data, runs=tmp_path / "runs", limit=16, miniature=True)
    run(Experiment(experiment.id, experiment.title, (row,)), context, tmp_path / "results")
    path = tmp_path / "results" / name / f"{row.name}.json"
    record = json.loads(path.read_text())
    assert record["metrics"]["images"] == 16
    assert all(isinstance(value, float | int) for value in record["metrics"].values())
    assert {"command", "seed", "commit", "machine", "minutes", "date"} <= set(record["provenance"])


def test_a_row_that_is_done_is_not_run_again_unless_asked(data: Path, tmp_path: Path) -> None:
    row = _row(EXPERIMENTS["table5"](), "das")
    experiment = Experiment("table5", "", (row,))
    context = Context(data, runs=tmp_path / "runs", limit=8, miniature=True)
    result = tmp_path / "table5" / f"{row.name}.json"
    run(experiment, context, tmp_path)
    result.unlink()
    run(experiment, context, tmp_path)
    assert not result.exists()
    run(experiment, context, tmp_path, again=True)
    assert result.exists()
