"""The page: its head, then every section that has figures."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

#: The modules, in the page's order; each has ``section(results)`` and perhaps ``pictures(results, folder)``.
ORDER = ("bench", "roofline", "triton_wrapping", "load", "capacity", "rivals")

HEAD = """# How fast it is

Every figure here comes from a JSON under `tests/benchmarks/results/`, written by the command that measured it; this
page is made from them by `make performance`. The machines are shared and noisy: times are of one machine on one day,
and only the ratios within a run carry over. `make bench-check` holds a new run's ratios against these.
"""


def sections() -> Iterator[ModuleType]:
    for name in ORDER:
        if (Path(__file__).parent / f"{name}.py").is_file():
            yield importlib.import_module(f"page.{name}")


def page(results: Path) -> str:
    """The whole page in Markdown."""
    found = [section.section(results) for section in sections()]
    return "\n".join([HEAD, *(text.strip() + "\n" for text in found if text)])


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; all columns but the first are set right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def notes(figures: dict[str, Any]) -> list[str]:
    """What a reader has to know of a measurement, where it says something."""
    return [f"**{figures['note']}**"] if "note" in figures else []


def origin(about: dict[str, Any]) -> str:
    """Where figures come from, in a line; no minutes, since older JSONs have those of condensing and not of measuring."""
    return f"*`{about['command']}`, commit {about['commit']}, {about['data']}; {about['machine']}, {about['date']}.*"
