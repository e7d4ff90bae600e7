"""Runs a table or a figure of the paper, row by row; a row that is done is not run again."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
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

#: Figures that show the pictures of another experiment's rows: which experiment, and which methods (None: all).
SHOWN_BY: dict[str, tuple[str, list[str] | None]] = {"figure9": ("figure10", None), "figure11": ("table3", ["rgan"])}
CONSOLE = Console()


def run(experiment: Experiment, context: Context, results: Path, again: bool = False) -> list[str]:
    """Runs the rows that this checkout has not run yet; each leaves a JSON, and pictures where it has some.

    A row whose data or weights are not there is passed over, with the message that says where they come from.

    Args:
        results: the folder that gets ``<id>/<dataset>-<classifier>-<method>.json``.
        again: whether rows that are done run once more.

    Returns:
        The names of the rows that were passed over.
    """
    missing: list[str] = []
    for number, row in enumerate(experiment.rows, start=1):
        mark = context.runs / "reproduce" / experiment.id / f"{row.name}.json"
        settings = json.dumps(_plain(row.work) | {"limit": context.limit}, sort_keys=True)
        if not again and mark.is_file() and mark.read_text() == settings:
            CONSOLE.print(f"{experiment.id} {number}/{len(experiment.rows)} {row.name}: done before")
            continue
        CONSOLE.print(f"{experiment.id} {number}/{len(experiment.rows)} {row.name}")
        begun = time.monotonic()
        try:
            outcome = row.work(context)
        except FileNotFoundError as error:
            CONSOLE.print(f"not run: {error}", style="yellow", markup=False, soft_wrap=True)
            missing.append(row.name)
            continue
        _write(results / experiment.id, row, outcome, (time.monotonic() - begun) / 60)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(settings)
    return missing


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


def listing(experiments: dict[str, Experiment], results: Path) -> Iterator[str]:
    """A line for each experiment and each of its rows: whether there is a result, of when, and what it took."""
    for name, experiment in experiments.items():
        paths = {row.name: results / name / f"{row.name}.json" for row in experiment.rows}
        done = sum(path.is_file() for path in paths.values())
        yield f"{name:10}{experiment.title} ({done} of {len(paths)} rows have been run)"
        for row, path in paths.items():
            if path.is_file():
                record = json.loads(path.read_text())
                origin, learned = record["provenance"], record["training_minutes"]
                rests = f", on a training of {learned:.1f}" if learned else ""
                yield f"  {row:40}run on {origin['date']} in {origin['minutes']:.1f} minutes{rests}"
            else:
                yield f"  {row:40}not run"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.reproduce",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("id", nargs="?", choices=[*EXPERIMENTS, *SHOWN_BY, "all"], help="the table or figure")
    parser.add_argument("--list", action="store_true", help="print the rows, and which have been run, and stop")
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--network", action="append", help="only rows of this classifier (may be repeated)")
    parser.add_argument("--method", action="append", help="only this row, by its method's name (may be repeated)")
    parser.add_argument("--limit", type=int, help="at most so many images of a split (default: what the row says)")
    parser.add_argument("--retrain", action="store_true", help="train again what the repository holds weights of")
    parser.add_argument("--again", action="store_true", help="run rows that are done once more")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSONs (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.id is None and not arguments.list:
        parser.error("name a table or figure, or 'all'; --list prints them")
    experiments = _chosen(arguments.id or "all", arguments.network, arguments.method)
    if arguments.list:
        print("\n".join(listing(experiments, arguments.results)))
        return 0
    torch.set_num_threads(arguments.threads)
    # Float32 as it is on a CPU, without a GPU's shortened products.
    torch.backends.cudnn.allow_tf32 = False
    context = Context(data_root(arguments.data), limit=arguments.limit, retrain=arguments.retrain)
    missing = [
        row
        for experiment in experiments.values()
        for row in run(experiment, context, arguments.results, arguments.again)
    ]
    return _summary(sum(len(experiment.rows) for experiment in experiments.values()), missing)


def _chosen(asked: str, networks: list[str] | None, methods: list[str] | None) -> dict[str, Experiment]:
    """The experiments of a table or figure, or all, with the rows of these classifiers and methods (None: any)."""
    shown, its_methods = SHOWN_BY.get(asked, (asked, None))
    wanted = methods or its_methods
    chosen = {}
    for name in EXPERIMENTS if shown == "all" else [shown]:
        experiment = EXPERIMENTS[name]()
        rows = (row for row in experiment.rows if networks is None or row.network in networks)
        chosen[name] = replace(experiment, rows=tuple(row for row in rows if wanted is None or row.method in wanted))
    return chosen


def _summary(asked: int, missing: list[str]) -> int:
    """Says how it went; the exit status: 1 where nothing of what was asked for could be done."""
    if asked == 0:
        CONSOLE.print("No row has that network and that method: --list prints all.")
    if missing:
        CONSOLE.print(f"{len(missing)} of {asked} rows were not run, for want of data or weights (see above).")
    return int(len(missing) == asked)


if __name__ == "__main__":
    sys.exit(main())
