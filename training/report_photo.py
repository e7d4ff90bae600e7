"""Writes the table of docs/protection.md from the figures in training/results/photo/development.json."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def table(report: dict[str, Any]) -> str:
    """A Markdown table of both tiers, and where the figures come from."""
    lines = [
        "| tier | perturbation, or whose eyes | photos | changed, % | 95 % interval | protected, dB | restored |",
        "|---|---|---|---|---|---|---|",
    ]
    for tier, rows in report["tiers"].items():
        for name, f in rows.items():
            low, high = f["attack_success_rate_interval_percent"]
            cells = (tier, name, f["photos"], f["attack_success_rate_percent"], f"{low} to {high}")
            lines.append("| " + " | ".join(map(str, (*cells, f["protected_psnr_mean_db"], _restored(f)))) + " |")
    p = report["provenance"]
    origin = (
        f"`{p['command']}`, commit {p['commit']}, seed {p['seed']}, {p['data']}; {p['machine']}, "
        f"{p['minutes']} minutes, {p['date']}."
    )
    return "\n".join([*lines, "", origin])


def _restored(figures: dict[str, Any]) -> str:
    if "restored_bit_exact_percent" not in figures:
        return ""
    exact = f"{figures['restored_bit_exact_percent']} % bit-exact"
    pooled = figures.get("restored_psnr_pooled_db")
    return exact if pooled is None else f"{exact}, median {figures['restored_psnr_median_db']} dB, pooled {pooled} dB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("training/results/photo/development.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/protection.md"))
    arguments = parser.parse_args()
    page = arguments.page.read_text()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    figures = table(json.loads(arguments.results.read_text()))
    arguments.page.write_text(f"{before}{BEGIN}\n{figures}\n{END}{after}")


if __name__ == "__main__":
    main()
