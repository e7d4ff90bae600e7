"""pytest-benchmark's JSON, and peak memory, to the figures that are committed: medians, spreads, and above all ratios.

A ratio's interval takes the quartiles of both sides against each other: a noisy run has wide ones.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from restores import COPY, OWN
from sizes import megapixels
from stage_names import PROTECT, RESTORE

from training.provenance import provenance

HERE = Path(__file__).parent
#: The sizes whose peak memory is measured.
WITH_PEAK = ("12mp", "50mp")
Figures = dict[str, Any]


def condense(raw: Figures, peaks: dict[str, Figures]) -> Figures:
    """raw: pytest-benchmark's; peaks: by group and call, what ``peak_memory`` printed."""
    groups: dict[str, dict[str, Figures]] = {}
    for entry in raw["benchmarks"]:
        stats = entry["stats"]
        quartiles = {
            name: round(1e3 * stats[key], 3) for name, key in (("low", "q1"), ("median", "median"), ("high", "q3"))
        }
        groups.setdefault(entry["group"], {})[entry["name"]] = {
            **{f"{name}_ms": value for name, value in quartiles.items()},
            "rounds": stats["rounds"],
        }
    return {"groups": groups, "peak_memory": peaks, "ratios": ratios(groups, peaks)}


def ratios(groups: dict[str, dict[str, Figures]], peaks: dict[str, Figures]) -> dict[str, Figures]:
    """By name, value with interval. Only these are compared between machines."""
    found: dict[str, Figures] = {}
    for group, rows in groups.items():
        file_format = group.split()[1]
        codec = _sum(rows, ("stage: decode", "stage: encode"))
        whole = _sum(rows, [f"stage: {stage}" for stage in PROTECT[file_format]])
        back = _sum(rows, [f"stage: {stage}" for stage in RESTORE[file_format]])
        _put(found, f"{group}: protect's stages over decode + encode", whole, codec)
        _put(found, f"{group}: restore's stages over decode + encode", back, codec)
        _put(found, f"{group}: the network's share of protect's stages", rows.get("stage: infer"), whole)
        for what in (OWN, COPY):
            _put(found, f"{group}: restoring {what} over decode + encode", rows.get(f"restore: {what}"), codec)
        for tier in ("one-pass", "sealed"):
            calls = {way: rows.get(f"call: {tier}, {way}") for way in _WAYS}
            _put(found, f"{group}: {tier} call in process over decode + encode", calls["in process"], codec)
            for way in _WAYS[1:]:
                base = "in process" if way == "over grpc" else "over grpc"
                _put(found, f"{group}: {tier} call {way}, against {base}", calls[way], calls[base])
    for group, rows in groups.items():
        size, file_format = group.split()
        least = groups.get(f"1mp {file_format}")
        if least is not None and size in ("4mp", "12mp", "50mp"):
            name, call = f"{file_format}: a pixel at {size} over one at 1mp", "call: one-pass, in process"
            share = megapixels("1mp") / megapixels(size)
            _put(found, name, _scaled(rows.get(call), share), least.get(call))
    for group, calls_peaks in peaks.items():
        for call, peak in calls_peaks.items():
            value = round(peak["over_photo"], 2)
            name = f"{group}: {call}, peak memory over the decoded photo"
            found[name] = {"value": value, "low": value, "high": value}
    return found


_WAYS = ("in process", "over grpc", "over triton", "through the host")


def _sum(rows: dict[str, Figures], names: Any) -> Figures | None:
    if any(name not in rows for name in names):
        return None
    return {key: sum(rows[name][key] for name in names) for key in ("low_ms", "median_ms", "high_ms")}


def _scaled(row: Figures | None, share: float) -> Figures | None:
    return None if row is None else {key: share * row[key] for key in ("low_ms", "median_ms", "high_ms")}


def _put(found: dict[str, Figures], name: str, above: Figures | None, below: Figures | None) -> None:
    if above is not None and below is not None:
        found[name] = {
            "value": round(above["median_ms"] / below["median_ms"], 3),
            "low": round(above["low_ms"] / below["high_ms"], 3),
            "high": round(above["high_ms"] / below["low_ms"], 3),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path, help="pytest-benchmark's JSON")
    parser.add_argument("out", type=Path, help="the JSON to write")
    parser.add_argument("--begun", type=float, required=True, help="when the run began, seconds since 1970")
    arguments = parser.parse_args()
    raw = json.loads(arguments.raw.read_text())
    # Of a smaller photo the networks' own memory is most, and no measure of how the photo is handled.
    groups = [g for g in dict.fromkeys(entry["group"] for entry in raw["benchmarks"]) if g.split()[0] in WITH_PEAK]
    measured = [
        subprocess.run([sys.executable, str(HERE / "peak_memory.py"), *group.split()], capture_output=True, check=True)
        for group in groups
    ]
    peaks = {group: json.loads(done.stdout) for group, done in zip(groups, measured, strict=True)}
    # pytest-benchmark's own time is that of its end.
    minutes = (time.time() - arguments.begun) / 60
    about = provenance(0, minutes, "scikit-image's coffee cup, enlarged, with noise")
    report = {**condense(raw, peaks), "provenance": {**about, "command": "make bench"}}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"{len(report['ratios'])} ratios in {arguments.out}")


if __name__ == "__main__":
    main()
