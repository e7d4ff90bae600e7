"""Runs a table or a figure of the paper, row by row; a row that is done is not run again."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from training.data.photos import data_root
from training.experiments.context import Context
from training.experiments.experiment import Experiment, Outcome, Row
from training.experiments.tables import EXPERIMENTS
from training.provenance import provenance

RESULTS = Path("training/results")
CONSOLE = Console()


def run(experiment: Experiment, context: Context, results: Path, again: bool = False) -> None:
    """Runs the rows that this checkout has not run yet; each leaves a JSON, and pictures where it has some.

    Args:
        results: the folder that gets ``<id>/<dataset>-<classifier>-<method>.json``.
        again: whether rows that are done run once more.
    """
    for number, row in enumerate(experiment.rows, start=1):
        mark = context.runs / "reproduce" / experiment.id / f"{row.name}.json"
        settings = json.dumps(_plain(row.work) | {"limit": context.limit}, sort_keys=True)
        if not again and mark.is_file() and mark.read_text() == settings:
            CONSOLE.print(f"{experiment.id} {number}/{len(experiment.rows)} {row.name}: done before")
            continue
        CONSOLE.print(f"{experiment.id} {number}/{len(experiment.rows)} {row.name}")
        begun = time.monotonic()
        outcome = row.work(context)
        _write(results / experiment.id, row, outcome, (time.monotonic() - begun) / 60)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(settings)


def _write(folder: Path, row: Row, outcome: Outcome, minutes: float) -> None:
    record = {
        "dataset": row.dataset,
        "classifier": row.network,
        "method": row.method,
        "metrics": {name: round(float(value), 5) for name, value in outcome.metrics.items()},
        "training_minutes": outcome.training_minutes,
        "settings": _plain(row.work),
        "provenance": provenance(0, minutes, f"{row.dataset}, {int(outcome.metrics['images'])} test images"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{row.name}.json").write_text(json.dumps(record, indent=2) + "\n")
    if outcome.pictures:
        grid = np.concatenate([_strip(images) for images in outcome.pictures.values()])
        cv2.imwrite(str(folder / f"{row.name}.png"), grid)


def _strip(images: Tensor) -> np.ndarray:
    """Images side by side, enlarged where they are small, as OpenCV wants them."""
    levels = images.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    strip = np.concatenate(list(levels), axis=1)[..., ::-1]
    return np.repeat(np.repeat(strip, 2, axis=0), 2, axis=1) if levels.shape[1] < 64 else strip


def _plain(value: object) -> dict[str, object]:
    assert is_dataclass(value)
    assert not isinstance(value, type)
    return {"kind": type(value).__name__} | asdict(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("id", choices=[*EXPERIMENTS, "all"], help="the table or figure")
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--method", action="append", help="only this row, by its method's name (may be repeated)")
    parser.add_argument("--limit", type=int, help="how many test images, the first ones (default: all)")
    parser.add_argument("--retrain", action="store_true", help="train again what the repository holds weights of")
    parser.add_argument("--again", action="store_true", help="run rows that are done once more")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSONs (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    context = Context(data_root(arguments.data), limit=arguments.limit, retrain=arguments.retrain)
    for name in EXPERIMENTS if arguments.id == "all" else [arguments.id]:
        experiment = EXPERIMENTS[name]()
        rows = tuple(row for row in experiment.rows if not arguments.method or row.method in arguments.method)
        run(replace(experiment, rows=rows), context, arguments.results, arguments.again)


if __name__ == "__main__":
    main()
