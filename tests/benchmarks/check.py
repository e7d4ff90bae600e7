"""`make bench-check`: holds a run's ratios against those that are committed.

A ratio fails where it is more than a fifth worse, intervals and all: the run's least more than a fifth above the most
of what is committed. Ratios are of one machine in one run, so they can be compared where times can not.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Figures = dict[str, Any]
#: How much worse a ratio may get.
TOLERANCE = 1.2


@dataclass(frozen=True)
class Change:
    """A ratio before and now; larger is worse for all of them."""

    name: str
    before: float
    now: float
    is_worse: bool


def compare(committed: Figures, run: Figures) -> list[Change]:
    """The ratios that both have, worst first.

    Raises:
        ValueError: they have none in common.
    """
    before, now = committed["ratios"], run["ratios"]
    common = before.keys() & now.keys()
    if not common:
        raise ValueError("The run has no ratio that the committed figures have. Run make bench with the same sizes.")
    changes = [
        Change(name, before[name]["value"], now[name]["value"], _is_worse(before[name], now[name])) for name in common
    ]
    return sorted(changes, key=lambda change: -change.now / change.before)


def _is_worse(before: Figures, now: Figures) -> bool:
    return bool(now["value"] > TOLERANCE * before["value"] and now["low"] > TOLERANCE * before["high"])


def table(changes: list[Change]) -> Table:
    found = Table(title="Ratios, worst first", show_lines=False)
    for column in ("ratio", "before", "now", "change"):
        found.add_column(column, justify="left" if column == "ratio" else "right")
    for change in changes:
        style = "bold red" if change.is_worse else None
        percent = f"{100 * (change.now / change.before - 1):+.0f} %"
        found.add_row(change.name, f"{change.before:.2f}", f"{change.now:.2f}", percent, style=style)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the JSON that make bench wrote")
    parser.add_argument("--committed", type=Path, default=Path(__file__).parent / "results" / "bench.json")
    arguments = parser.parse_args()
    if not arguments.committed.is_file():
        raise SystemExit(f"{arguments.committed} is not there: make bench-keep keeps a run's figures.")
    changes = compare(json.loads(arguments.committed.read_text()), json.loads(arguments.run.read_text()))
    Console(width=120).print(table(changes))
    worse = [change for change in changes if change.is_worse]
    if worse:
        raise SystemExit(f"{len(worse)} of {len(changes)} ratios are more than 20 % worse than what is committed.")
    print(f"None of {len(changes)} ratios is more than 20 % worse than what is committed.")


if __name__ == "__main__":
    main()
