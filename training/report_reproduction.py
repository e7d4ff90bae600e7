"""Renders docs/reproduction.md and its pictures from the JSONs under training/results and the paper's numbers.

It measures nothing: the same JSONs give the same page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
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
        lines.append(f"{experiment.note}\n")
    lines += [f"![{alt}]({PICTURES / name}.png)\n" for name, alt in _shown(experiment, results)]
    groups = [(key, list(rows)) for key, rows in groupby(experiment.rows, key=lambda row: (row.dataset, row.network))]
    waiting: list[str] = []
    for (dataset, network), rows in groups:
        values = _paper(dataset, network, paper)
        if values is None and dataset != "mnist" and not any(row.name in found for row in rows):
            waiting.append(f"{NETWORKS[network]} ({len(rows)} rows, `--network {network}`)")
            continue
        if len(groups) > 1:
            lines.append(f"### {experiment.title.split(':')[0]}: {DATASETS[dataset]}, {NETWORKS[network]}\n")
        lines.append(table(rows, found, COLUMNS[experiment.id], METHODS, values))
        lines.append(origin(rows, found))
    if waiting:
        lines.append(f"Not run on Caltech-101: {', '.join(waiting)}.\n")
    return "\n".join(line for line in lines if line)


def _paper(dataset: str, network: str, paper: dict[str, dict[str, dict[str, float]]]) -> Paper | None:
    """The paper's values for this data, else for the data that it used in its place."""
    if f"{dataset}-{network}" in paper:
        return Paper(paper[f"{dataset}-{network}"])
    for key in (f"{PRINTED_ON}-{network}", PRINTED_ON):
        if key in paper:
            return Paper(paper[key], DATASETS[PRINTED_ON])
    return None


def _shown(experiment: Experiment, results: Path) -> Iterator[tuple[str, str]]:
    """The experiment's pictures, as far as there is something to show: their names, and what they are."""
    if experiment.id in PLOTS and records(experiment, results):
        yield experiment.id, experiment.title
    for name, strips in STRIPS.items():
        if strips.source == experiment.id and strips.files(experiment.rows, results):
            figure = name.split("-")[0].replace("figure", "Figure ")
            yield name, f"{figure}: {', '.join(strips.kept)}"


def pictures(results: Path, folder: Path) -> dict[str, str]:
    """Draws every picture that the page shows; by name, the digest of what it was drawn from, which the file holds."""
    folder.mkdir(parents=True, exist_ok=True)
    digests: dict[str, str] = {}
    for build in EXPERIMENTS.values():
        experiment = build()
        for name, _ in _shown(experiment, results):
            digests[name] = sources(name, experiment, results)
            figure = _drawn(name, experiment, results)
            figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None, "Description": digests[name]})
    return digests


def sources(name: str, experiment: Experiment, results: Path) -> str:
    """The digest of what a picture shows: of the metrics, or of the rows' pictures."""
    if name in PLOTS:
        metrics = {row: record["metrics"] for row, record in records(experiment, results).items()}
        content = json.dumps(metrics, sort_keys=True).encode()
    else:
        content = b"".join(path.read_bytes() for path in STRIPS[name].files(experiment.rows, results).values())
    return hashlib.sha256(content).hexdigest()


def _drawn(name: str, experiment: Experiment, results: Path) -> Figure:
    if name in PLOTS:
        return PLOTS[name](experiment, records(experiment, results))
    return STRIPS[name].draw(STRIPS[name].files(experiment.rows, results))


def main() -> None:
    pictures(RESULTS, PAGE.parent / PICTURES)
    PAGE.write_text(page(RESULTS))


if __name__ == "__main__":
    main()
