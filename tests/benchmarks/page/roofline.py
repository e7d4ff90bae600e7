"""The section of `make roofline`: the networks against the machine's ceilings."""

from __future__ import annotations

import json
from pathlib import Path

from page.render import origin, table


def section(results: Path) -> str | None:
    path = results / "roofline.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    limit = found["ceilings"]
    rows = [
        (
            row["work"],
            row["variant"],
            f"{row['photos']:.0f}",
            f"{row['gigaoperations_per_photo']:.2f}",
            f"{row['megabytes_per_photo']:.0f}",
            f"{row['ms_per_photo']:.1f}",
            f"{row['bound_ms_per_photo']:.1f}",
            f"{row['share_of_bound']:.2f}",
        )
        for row in found["rows"]
    ]
    return "\n\n".join(
        [
            "## The networks against the machine's ceilings",
            "A *look* is a network forward, and backward to the photo: a writer takes three (one-pass) or sixteen of each "
            "network (sealed), and a few more where a photo is hard. *Answer* is a classifier forward, *read* the recoverer. "
            "The ceilings, measured: "
            f"{limit['float32_operations_per_second'] / 1e9:.0f} gigaoperations a second in float32, "
            f"{limit['half_operations_per_second'] / 1e9:.0f} in half precision, "
            f"{limit['bytes_per_second'] / 1e9:.1f} GB a second. The bound is what these allow if every operation reads and "
            "writes memory; a value above 1 says that the caches do better than that.",
            table(
                [
                    "work",
                    "variant",
                    "photos at once",
                    "Gop a photo",
                    "MB a photo",
                    "ms a photo",
                    "bound, ms",
                    "bound over time",
                ],
                rows,
            ),
            origin(found["provenance"]),
            *_slopes(results),
        ]
    )


def _slopes(results: Path) -> list[str]:
    """What the writers' own way back brings; the looks above go back by autograd."""
    path = results / "slope.json"
    if not path.is_file():
        return []
    found = json.loads(path.read_text())
    ratios = " and ".join(
        f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f}) on {name.capitalize()}"
        for name, row in found["rows"].items()
    )
    return [
        "The looks above go back by autograd, which can be counted and compiled. The writers go back by hand "
        f"([ADR 21](adr/0021-slopes-by-hand.md)), in {ratios} of that time, one photo at once; quartiles in brackets.",
        origin(found["provenance"]),
    ]
