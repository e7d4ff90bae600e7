"""Tables of docs/reproduction.md: the paper's value, ours, and the difference where both are of the same data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.experiments.experiment import Experiment, Row

#: What a row's JSON holds.
Record = dict[str, Any]

#: By method, the paper's metrics under the names of ours; "state" where it prints a remark instead of values.
Printed = Mapping[str, Mapping[str, Any]]

NOT_RUN = "not run"
NONE = "-"


@dataclass(frozen=True)
class Column:
    """A metric in a table.

    Args:
        key: its name in the JSONs.
        head: its name on the page, with its unit.
        as_float: its name in the JSONs when images stay floats.
        in_paper: whether the paper's tables have it.
    """

    key: str
    head: str
    as_float: str = ""
    in_paper: bool = True


@dataclass(frozen=True)
class Paper:
    """The paper's values that stand beside a table's.

    Args:
        other_data: which data they are of, where those are not ours: they are shown, and not subtracted.
    """

    values: Printed
    other_data: str = ""


def records(experiment: Experiment, results: Path) -> dict[str, Record]:
    """What has been measured, by the row's name."""
    paths = {row.name: results / experiment.id / f"{row.name}.json" for row in experiment.rows}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.is_file()}


def table(
    rows: Iterable[Row],
    found: Mapping[str, Record],
    columns: Sequence[Column],
    labels: Mapping[str, str],
    paper: Paper | None = None,
) -> str:
    """A table in Markdown: a line a row, and one for floats where they were measured too.

    Args:
        labels: by method, what it is called on the page.
    """
    heads = ["method"]
    for column in columns:
        heads += _heads(column, paper)
    lines = [_line([*heads, "minutes", "training"]), "|---" + "|---:" * (len(heads) + 1) + "|"]
    for row in rows:
        label, record = labels.get(row.method, row.method), found.get(row.name)
        printed = {} if paper is None else paper.values.get(row.method, {})
        lines.append(_line([label, *_cells(columns, record, printed, paper, floats=False), *_minutes(record)]))
        if record is not None and any(column.as_float in record["metrics"] for column in columns):
            lines.append(_line([f"{label}, in floats", *_cells(columns, record, printed, paper, floats=True), "", ""]))
    return "\n".join(lines) + "\n"


def origin(rows: Iterable[Row], found: Mapping[str, Record]) -> str:
    """Where and when the rows of a table were measured, and on how much."""
    seen = [found[row.name] for row in rows if row.name in found]
    if not seen:
        return ""
    parts = [
        _listed(f"{int(record['metrics']['images']):,} test images" for record in seen),
        _listed(record["provenance"]["machine"] for record in seen),
        _listed(record["provenance"]["date"] for record in seen),
    ]
    return f"*{'; '.join(parts)}.*\n"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def _heads(column: Column, paper: Paper | None) -> list[str]:
    if paper is None or not column.in_paper:
        return [column.head]
    if paper.other_data:
        return [f"{column.head}: paper, {paper.other_data}, other data", "ours"]
    return [f"{column.head}: paper", "ours", "difference"]


def _cells(
    columns: Sequence[Column], record: Record | None, printed: Mapping[str, Any], paper: Paper | None, *, floats: bool
) -> list[str]:
    cells: list[str] = []
    for column in columns:
        ours, text = _ours(column.as_float if floats else column.key, record)
        if paper is None or not column.in_paper:
            cells.append(text)
            continue
        theirs = printed.get(column.key)
        # "in floats" repeats the paper's value: that is what it has to be held against.
        cells += [_theirs(column.key, printed), text]
        if not paper.other_data:
            cells.append(NONE if ours is None or theirs is None else f"{ours - theirs:+.2f}")
    return cells


def _ours(key: str, record: Record | None) -> tuple[float | None, str]:
    """The number, and what stands on the page for it."""
    if record is None:
        return None, NOT_RUN
    metrics = record["metrics"]
    if key in metrics:
        return metrics[key], f"{metrics[key]:.2f}"
    # PSNR has no number where every image is equal to its original.
    return None, "∞" if "psnr" in key and metrics.get("recovered_equal_percent") == 100.0 else NONE


def _theirs(key: str, printed: Mapping[str, Any]) -> str:
    if key in printed:
        return f"{printed[key]:g}"
    if "psnr" in key and printed.get("recovered_l2") == 0:
        return "∞"
    return str(printed.get("state", NONE))


def _minutes(record: Record | None) -> list[str]:
    if record is None:
        return ["", ""]
    learned = record["training_minutes"]
    return [f"{record['provenance']['minutes']:.1f}", f"{learned:.1f}" if learned else ""]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
