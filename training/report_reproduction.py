"""Renders docs/reproduction.md and its pictures from the JSONs under training/results and the paper's numbers.

It measures nothing: the same JSONs give the same page.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

from matplotlib.figure import Figure

from training.experiments.experiment import Experiment
from training.experiments.tables import EXPERIMENTS
from training.report_names import DATASETS, METHODS, NETWORKS
from training.report_page import COLUMNS, HEAD, PRINTED_ON
from training.report_plots import PLOTS
from training.report_strips import STRIPS
from training.report_tables import Paper, origin, records, table
from training.reproduce import RESULTS

PAPER = Path(__file__).resolve().parent / "experiments" / "paper.json"
PAGE = Path("docs/reproduction.md")

#: Beside the page, where its pictures lie.
PICTURES = Path("pictures/reproduction")


def page(results: Path) -> str:
    """The whole page in Markdown."""
    paper = json.loads(PAPER.read_text())
    experiments = [build() for build in EXPERIMENTS.values()]
    parts = [HEAD, "\n".join(contents(experiments, results)) + "\n"]
    parts += [section(experiment, results, paper.get(experiment.id, {})) for experiment in experiments]
    return "\n".join(parts)


def contents(experiments: Sequence[Experiment], results: Path) -> Iterator[str]:
    """A table of what there is, and how much of it has been run on which data."""
    yield "| | rows that have been run |\n|---|---|"
    for experiment in experiments:
        found = records(experiment, results)
        anchor = "".join(c for c in experiment.title.lower().replace(" ", "-") if c.isalnum() or c in "-_")
        counts = []
        for dataset in dict.fromkeys(row.dataset for row in experiment.rows):
            names = [row.name for row in experiment.rows if row.dataset == dataset]
            counts.append(f"{DATASETS[dataset]}: {sum(name in found for name in names)} of {len(names)}")
        yield f"| [{experiment.title}](#{anchor}) | {', '.join(counts)} |"


def section(experiment: Experiment, results: Path, paper: dict[str, dict[str, dict[str, float]]]) -> str:
    """One experiment's heading, note, pictures and tables.

    Args:
        paper: by data set (and network), by method, the paper's metrics under the names of ours.
    """
    found = records(experiment, results)
    lines = [f"## {experiment.title}\n"]
    if experiment.note:
        lines.append(textwrap.fill(experiment.note, 120, break_long_words=False, break_on_hyphens=False) + "\n")
    lines += [f"![{picture.says}]({PICTURES / picture.name}.png)\n" for picture in pictures(experiment, results)]
    groups = [(key, list(rows)) for key, rows in groupby(experiment.rows, key=lambda row: (row.dataset, row.network))]
    waiting: list[str] = []
    for (dataset, network), rows in groups:
        values = _paper(dataset, network, paper)
        if values is None and dataset != "mnist" and not any(row.name in found for row in rows):
            waiting.append(f"{NETWORKS[network]} (`--network {network}`)")
            continue
        if len(groups) > 1:
            lines.append(f"### {experiment.title.split(':')[0]}: {DATASETS[dataset]}, {NETWORKS[network]}\n")
        lines.append(table(rows, found, COLUMNS[experiment.id], METHODS, values))
        lines.append(origin(rows, found))
    if waiting:
        lines.append(f"Not run on Caltech-101 yet: {', '.join(waiting)}.\n")
    return "\n".join(line for line in lines if line)


def _paper(dataset: str, network: str, paper: dict[str, dict[str, dict[str, float]]]) -> Paper | None:
    """The paper's values for this data, else for the data that it used in its place."""
    if f"{dataset}-{network}" in paper:
        return Paper(paper[f"{dataset}-{network}"])
    for key in (f"{PRINTED_ON}-{network}", PRINTED_ON):
        if key in paper:
            return Paper(paper[key], DATASETS[PRINTED_ON])
    return None


@dataclass(frozen=True)
class Picture:
    """A plot or images on the page.

    Args:
        name: its file's, without the ending.
        says: what it shows, in words.
        digest: of all that it is drawn from; the file holds it.
    """

    name: str
    says: str
    digest: str
    draw: Callable[[], Figure]


def pictures(experiment: Experiment, results: Path) -> Iterator[Picture]:
    """The experiment's pictures, as far as there is something to show: a plot for each data set, and images."""
    datasets = list(dict.fromkeys(row.dataset for row in experiment.rows))
    for dataset in datasets:
        part = replace(experiment, rows=tuple(row for row in experiment.rows if row.dataset == dataset))
        found = records(part, results)
        if experiment.id in PLOTS and found:
            name = experiment.id if len(datasets) == 1 else f"{experiment.id}-{dataset}"
            metrics = {row: record["metrics"] for row, record in found.items()}
            digest = _digest(json.dumps(metrics, sort_keys=True).encode())
            yield Picture(
                name, f"{experiment.title}; {DATASETS[dataset]}", digest, partial(PLOTS[experiment.id], part, found)
            )
    for name, strips in STRIPS.items():
        files = strips.files(experiment.rows, results) if strips.source == experiment.id else {}
        if files:
            says = f"Figure {name.split('-')[0].removeprefix('figure')}: {', '.join(strips.kept)}"
            digest = _digest(b"".join(path.read_bytes() for path in files.values()))
            yield Picture(name, says, digest, partial(strips.draw, files))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def draw(results: Path, folder: Path) -> None:
    """Draws every picture that the page shows, and removes those that it does not show."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = [picture for build in EXPERIMENTS.values() for picture in pictures(build(), results)]
    for picture in shown:
        origin = {"Software": None, "Description": picture.digest}
        picture.draw().savefig(folder / f"{picture.name}.png", dpi=110, bbox_inches="tight", metadata=origin)
    for path in folder.glob("figure*.png"):
        if path.stem not in {picture.name for picture in shown}:
            path.unlink()


def main() -> None:
    argparse.ArgumentParser(prog="python -m training.report_reproduction", description=__doc__).parse_args()
    draw(RESULTS, PAGE.parent / PICTURES)
    PAGE.write_text(page(RESULTS))


if __name__ == "__main__":
    main()
