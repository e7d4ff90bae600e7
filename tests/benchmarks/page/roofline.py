"""The section of `make roofline`: the networks against the ceilings of a CPU, and of a GPU where one was measured."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from page.render import origin, table

_INTRODUCTION = (
    "A *look* is a network forward, and backward to the photo: a writer takes three (one-pass) or sixteen of each "
    "network (sealed), and a few more where a photo is hard. *Answer* is a classifier forward, *read* the recoverer. "
    "The ceilings are measured. The bound is what they allow if every operation reads and writes memory; a value above 1 "
    "says that the caches do better than that."
)
#: What the sentences about a GPU compare.
_COMPARED = {"float32", "half", "graph", "half graph"}


def section(results: Path) -> str | None:
    on_cpu, on_gpu = (_read(results / name) for name in ("roofline.json", "roofline_gpu.json"))
    parts = []
    if on_cpu is not None:
        parts += ["### On a CPU", *_run(on_cpu), *_slopes(results)]
    if on_gpu is not None:
        parts += ["### On a GPU", *_run(on_gpu), *_launches(on_gpu["rows"]), *_other_networks(on_cpu, on_gpu)]
    return "\n\n".join(["## The networks against the machine's ceilings", _INTRODUCTION, *parts]) if parts else None


def _read(path: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.is_file() else None
    return found


def _run(found: dict[str, Any]) -> list[str]:
    """A machine's ceilings, its table, and where they come from."""
    limit = found["ceilings"]
    float32, half, moved = (
        limit[name] for name in ("float32_operations_per_second", "half_operations_per_second", "bytes_per_second")
    )
    size, unit = (1e12, "teraoperations") if float32 >= 1e12 else (1e9, "gigaoperations")
    rows = [
        (
            row["work"],
            row["variant"],
            f"{row['photos']:.0f}",
            f"{row['gigaoperations_per_photo']:.2f}",
            f"{row['megabytes_per_photo']:.0f}",
            f"{row['operations_per_byte']:.1f}",
            _digits(row["ms_per_photo"], 3),
            _digits(row["bound_ms_per_photo"], 3),
            _digits(row["share_of_bound"], 2, least=2),
        )
        for row in found["rows"]
    ]
    head = ["work", "variant", "photos at once", "Gop a photo", "MB a photo", "operations a byte"]
    return [
        f"The ceilings: {_digits(float32 / size, 3)} {unit} a second in float32, {_digits(half / size, 3)} in half "
        f"precision, {_digits(moved / 1e9, 3)} GB a second. So memory bounds what does fewer than "
        f"{_digits(float32 / moved, 2)} operations a byte in float32, or {_digits(half / moved, 2)} in half precision.",
        table([*head, "ms a photo", "bound, ms", "bound over time"], rows),
        origin(found["provenance"]),
    ]


def _digits(value: float, count: int, least: int = 0) -> str:
    """So many digits that count, and no fewer decimals than ``least``."""
    return f"{value:.{max(least, count - 1 - math.floor(math.log10(value)))}f}"


def _launches(rows: list[dict[str, Any]]) -> list[str]:
    """What graphs, half precision and batches bring to the looks; nothing where not all of it was measured."""
    variants = {row["variant"] for row in rows}
    sizes = sorted({row["photos"] for row in rows})
    said = []
    if variants >= _COMPARED and len(sizes) > 1:
        one, many = sizes[0], sizes[-1]
        shares = [row["share_of_bound"] for row in _looks(rows) if (row["variant"], row["photos"]) == ("float32", one)]
        best = [
            row["share_of_bound"] for row in _looks(rows) if (row["variant"], row["photos"]) == ("half graph", many)
        ]
        said += [
            f"With {one:.0f} at once, the looks are bound by launches: in float32 the bound is "
            f"{_span([100 * share for share in shares])} % of the time they take. Recorded as a CUDA graph, of which "
            f"nothing is launched but the whole, they are {_gains(rows, ('float32', one), ('graph', one))} times as fast, "
            f"in half precision {_gains(rows, ('half', one), ('half graph', one))}; half precision by itself makes them "
            f"{_gains(rows, ('float32', one), ('half', one))} times as fast, which is nothing that can be relied on.",
            f"With {many:.0f} at once there is enough to do between two launches: a photo's look is "
            f"{_gains(rows, ('float32', one), ('float32', many))} times as fast as alone, a graph adds next to nothing "
            f"({_gains(rows, ('float32', many), ('graph', many))} times), and half precision pays "
            f"({_gains(rows, ('float32', many), ('half', many))} times). Both together, they reach "
            f"{_span([100 * share for share in best])} % of the bound.",
        ]
    if "compiled" not in variants:
        said.append("*Compiled* was not run here.")
    return said


def _looks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["work"].startswith("look")]


def _gains(rows: list[dict[str, Any]], before: tuple[str, float], after: tuple[str, float]) -> str:
    """How many times as fast the looks get between two cases, each a variant and how many photos at once."""
    took = {(row["work"], row["variant"], row["photos"]): row["ms_per_photo"] for row in _looks(rows)}
    return _span([took[work, *before] / took[work, *after] for work in {work for work, _, _ in took}])


def _span(values: list[float]) -> str:
    low, high = (_digits(value, 2) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _other_networks(on_cpu: dict[str, Any] | None, on_gpu: dict[str, Any]) -> list[str]:
    """A warning where the two machines were shown networks that do not do the same."""
    first = on_gpu["rows"][0]
    case = first["work"], first["variant"], first["photos"]
    rows = [] if on_cpu is None else on_cpu["rows"]
    same = [row for row in rows if (row["work"], row["variant"], row["photos"]) == case]
    if all(math.isclose(row["megabytes_per_photo"], first["megabytes_per_photo"], rel_tol=0.01) for row in same):
        return []
    return [
        f"The CPU's figures are of an older commit, at which the networks were written otherwise: the first row has "
        f"{same[0]['megabytes_per_photo']:.0f} MB there and {first['megabytes_per_photo']:.0f} here. Compare variants and "
        "batches within a machine."
    ]


def _slopes(results: Path) -> list[str]:
    """What the writers' own way back brings; the looks above go back by autograd."""
    found = _read(results / "slope.json")
    if found is None:
        return []
    ratios = " and ".join(
        f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f}) on {name.capitalize()}"
        for name, row in found["rows"].items()
    )
    return [
        "The looks above go back by autograd, which can be counted and compiled. The writers go back by hand "
        f"([ADR 21](adr/0021-slopes-by-hand.md)), in {ratios} of that time, one photo at once; quartiles in brackets.",
        origin(found["provenance"]),
    ]
