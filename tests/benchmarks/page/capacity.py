"""The section on capacity: what the measured call times mean for many photos. Arithmetic on bench.json, no measurement."""

from __future__ import annotations

import json
import math
from pathlib import Path

from page.render import table

#: Of a replica's time that may be used before queues grow long.
UTILISATION = 0.7
RATES = (10, 100, 10_000)


def replicas(photos_per_second: float, call_seconds: float) -> int:
    """How many replicas, each of which makes one call after the other, keep below UTILISATION."""
    return math.ceil(photos_per_second * call_seconds / UTILISATION)


def core_hours_per_million(call_seconds: float, cores: int) -> float:
    """Core-hours for a million photos, if a call keeps all cores busy: an upper bound."""
    return 1e6 * call_seconds * cores / 3600


def section(results: Path) -> str | None:
    path = results / "bench.json"
    if not path.is_file():
        return None
    figures = json.loads(path.read_text())
    cores = int(figures["provenance"]["machine"].split()[0])
    rows = []
    for group, found in figures["groups"].items():
        for tier in ("one-pass", "sealed"):
            row = found.get(f"call: {tier}, over grpc")
            if row is not None:
                seconds = row["median_ms"] / 1e3
                needed = [f"{replicas(rate, seconds):,}" for rate in RATES]
                hours = core_hours_per_million(seconds, cores)
                rows.append((f"{group}, {tier}", f"{1 / seconds:.2f}", f"{hours:,.0f}", *needed))
    heads = [
        "photo, tier",
        "photos/s of a replica",
        "core-hours a million",
        *(f"replicas for {rate:,}/s" for rate in RATES),
    ]
    return "\n\n".join(
        [
            "## Capacity",
            f"Arithmetic on the call times above (over gRPC, models in process), for replicas of {cores} cores that make one "
            f"call after the other and are used to {100 * UTILISATION:.0f} %. What two calls at once on {cores} cores "
            "gain is left out; so is what is lost where replicas and callers share a machine. "
            "A GPU was not measured; it would take over the networks, and decoding and encoding (the stages above) would be next.",
            table(heads, rows),
            *_checked(results),
        ]
    )


def _checked(results: Path) -> list[str]:
    """What several replicas did, where that was measured."""
    path = results / "replicas.json"
    if not path.is_file():
        return ["It was not checked against several replicas."]
    found = json.loads(path.read_text())
    rows = [
        (
            row["replicas"],
            row["callers"],
            f"{row['calls_per_second']:.2f}",
            f"{row['predicted_calls_per_second']:.2f}",
            f"{row['measured_over_predicted']:.2f}",
        )
        for row in found["rows"]
    ]
    return [
        f"Checked: replicas of one core each on {found['serving_cores']} cores, behind one client's round_robin, calls of "
        f"*{found['kind']}* pixels kept under way for {found['seconds']:g} seconds. Reckoned is the one replica's rate times "
        "the cores that serve: replicas beyond the cores add nothing.",
        table(["replicas", "callers", "calls/s", "reckoned", "measured over reckoned"], rows),
        f"*`{found['command']}`, commit {found['commit']}; {found['cores']} cores, {found['machine']}, no GPU used, "
        f"{found['date']}. The generator shares these cores.*",
    ]
