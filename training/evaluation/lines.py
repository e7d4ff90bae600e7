"""What was found of each photo, one JSON line a photo, so that a run that was cut off goes on where it stopped."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Figures = Mapping[str, float | bool]


@dataclass(frozen=True)
class Row:
    """One photo under one treatment, in one network's eyes.

    Attributes:
        clean: whether the network is right about the unprotected photo under the same treatment.
        right: whether it is right about the protected one.
        figures: numbers beside it, with units in the keys; of booleans, the share is reported.
    """

    clean: bool
    right: bool
    figures: Figures = field(default_factory=dict)


class Lines:
    """A file of lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept: dict[str, dict[str, Row]] = {}
        for line in path.read_text().splitlines() if path.is_file() else ():
            record = json.loads(line)
            self.kept[record["photo"]] = {name: Row(**row) for name, row in record["rows"].items()}

    def add(self, photo: str, rows: Mapping[str, Row]) -> None:
        self.kept[photo] = dict(rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        record = {"photo": photo, "rows": {name: vars(row) for name, row in rows.items()}}
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def summary(found: Mapping[str, Mapping[str, Row]]) -> dict[str, dict[str, object]]:
    """Figures of each row over the photos; found: by photo, then by row."""
    names = list(dict.fromkeys(name for rows in found.values() for name in rows))
    return {name: _figures([rows[name] for rows in found.values() if name in rows]) for name in names}


def _figures(rows: list[Row]) -> dict[str, object]:
    counted = [row for row in rows if row.clean]
    changed = sum(not row.right for row in counted)
    result: dict[str, object] = {
        "photos": len(rows),
        "clean_wrong_percent": percent(len(rows) - len(counted), len(rows)),
        "counted": len(counted),
        "attack_success_rate_percent": percent(changed, len(counted)),
        "attack_success_rate_interval_percent": wilson(changed, len(counted)),
    }
    for key in dict.fromkeys(key for row in rows for key in row.figures):
        values = [row.figures[key] for row in rows if key in row.figures]
        if isinstance(values[0], bool):
            result[f"{key}_percent"] = percent(sum(values), len(values))
            result[f"{key}_photos"] = len(values)
        elif all(map(math.isfinite, values)):
            for name, statistic in (("mean", np.mean), ("least", np.min), ("most", np.max)):
                result[f"{key}_{name}"] = _rounded(statistic(values))
        else:  # a mean with infinities says nothing
            finite = [value for value in values if math.isfinite(value)]
            result[f"{key}_infinite_photos"] = len(values) - len(finite)
            result[f"{key}_least"] = _rounded(min(finite)) if finite else "infinite"
    return result


def _rounded(value: float | np.floating) -> float:
    return float(f"{float(value):.4g}")


def percent(part: float, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def wilson(successes: int, n: int) -> list[float] | None:
    """95 % interval of a share, in percent (Wilson, 1927); None of nothing."""
    if n == 0:
        return None
    z = 1.96
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return [round(100 * max(0.0, centre - half), 1), round(100 * min(1.0, centre + half), 1)]
