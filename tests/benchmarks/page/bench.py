"""The section of `make bench`: where the time goes, and the ratios."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from restores import COPY, OWN
from stage_names import ALL, PROTECT, SEALED

from page.render import origin, table

WAYS = ("in process", "over grpc", "over triton", "through the host")
PICTURE = "where-the-time-goes.svg"

#: What the names of ratios that stand in one table have in common; the others have one of their own.
_PARTS = ("stages", "restoring", "one-pass call", "sealed call")

Figures = dict[str, Any]
_ABOUT_MEMORY = (
    " *Peak memory* is what the process that works held at most beyond what it held before, over width x height x 3 "
    "bytes: at 12 and 50 megapixels it is the photo's; below that most of it is the networks' own, which does not grow "
    "with the photo ([ADR 15](adr/0015-hot-path.md))."
)


def _figures(results: Path) -> Figures | None:
    path = results / "bench.json"
    found: Figures | None = json.loads(path.read_text()) if path.is_file() else None
    return found


def section(results: Path) -> str | None:
    figures = _figures(results)
    if figures is None:
        return None
    return "\n\n".join(
        [
            "## A photo, stage by stage and call by call",
            f"![Where the time goes](pictures/performance/{PICTURE})",
            "Milliseconds, medians. Stages of a one-pass protect in memory; the sealed tier's steps stand apart.",
            _stages(figures["groups"]),
            "Whole calls, milliseconds. *In process* decodes, protects and encodes; over gRPC the service also decodes "
            "the returned file again, restores it, and shows it to the classifiers, so that what it tells is measured.",
            _calls(figures["groups"]),
            "Restores of a sealed photo, in process, milliseconds: decode, restore, encode. *A platform's copy* is a JPEG "
            "of quality 85 of the photo's size, and what is restored of it is written as a PNG.",
            _restores(figures["groups"]),
            "Ratios, with the quartiles of both sides against each other. *Decode + encode* are of the same file by "
            "the same library." + (_ABOUT_MEMORY if any("peak memory" in name for name in figures["ratios"]) else ""),
            _ratios(figures["ratios"]),
            origin(figures["provenance"]),
        ]
    )


def _stages(groups: dict[str, Figures]) -> str:
    names = [*ALL, SEALED]
    rows = [(group, *(_ms(rows, f"stage: {name}") for name in names)) for group, rows in groups.items()]
    return table(["photo", *names], rows)


def _calls(groups: dict[str, Figures]) -> str:
    names = [f"{tier}, {way}" for tier in ("one-pass", "sealed") for way in WAYS]
    rows = [(group, *(_ms(rows, f"call: {name}") for name in names)) for group, rows in groups.items()]
    return table(["photo", *names], rows)


def _restores(groups: dict[str, Figures]) -> str:
    names = (OWN, COPY)
    rows = [(group, *(_ms(rows, f"restore: {name}") for name in names)) for group, rows in groups.items()]
    return table(["photo", *names], rows)


def _ms(rows: dict[str, Figures], name: str) -> str:
    return f"{rows[name]['median_ms']:.1f}" if name in rows else ""


def _ratios(ratios: dict[str, Figures]) -> str:
    """A table a part, a row a photo; ratios are named "photo: what"."""
    by_photo: dict[str, dict[str, Figures]] = {}
    for name, ratio in ratios.items():
        photo, what = name.split(": ", 1)
        by_photo.setdefault(photo, {})[what] = ratio
    parts: dict[str, list[str]] = {}
    for what in dict.fromkeys(what for found in by_photo.values() for what in found):
        parts.setdefault(next((part for part in _PARTS if part in what), ""), []).append(what)
    return "\n\n".join(_part(by_photo, names) for names in parts.values())


def _part(by_photo: dict[str, dict[str, Figures]], names: list[str]) -> str:
    rows = [
        (photo, *(_ratio(found[name]) if name in found else "not run" for name in names))
        for photo, found in by_photo.items()
        if any(name in found for name in names)
    ]
    return table(["photo", *names], rows)


def _ratio(figures: Figures) -> str:
    return f"{figures['value']:.2f} ({figures['low']:.2f} to {figures['high']:.2f})"


def pictures(results: Path, folder: Path) -> None:
    """A bar a photo, stages stacked, each bar as long as the whole."""
    figures = _figures(results)
    if figures is None:
        return
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "srae"
    from matplotlib import pyplot

    groups = list(figures["groups"].items())
    plot, axes = pyplot.subplots(figsize=(9, 0.5 * len(groups) + 1.5))
    colours = dict(zip(ALL, pyplot.get_cmap("tab20").colors, strict=False))
    shown: set[str] = set()
    for row, (group, rows) in enumerate(groups):
        stages = PROTECT[group.split()[1]]
        times = [rows[f"stage: {stage}"]["median_ms"] for stage in stages]
        left = 0.0
        for stage, time in zip(stages, times, strict=True):
            share = 100 * time / sum(times)
            axes.barh(row, share, left=left, color=colours[stage], label=None if stage in shown else stage)
            shown.add(stage)
            left += share
        axes.text(101, row, f"{sum(times):.0f} ms", va="center")
    axes.set_yticks(range(len(groups)), [name for name, _ in groups])
    axes.invert_yaxis()
    axes.set_xlim(0, 112)
    axes.set_xlabel("share of a one-pass protect in memory, %")
    axes.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    plot.tight_layout()
    plot.savefig(folder / PICTURE, metadata={"Date": None})
    pyplot.close(plot)
