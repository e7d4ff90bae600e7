"""Writes the tables of docs/protection.md from the figures under training/results/photo/."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from services.imaging.pipeline import MADE_WITH
from services.imaging.receipt import Tier
from training.evaluation.eyes import OTHERS
from training.evaluation.strength import CONTROLS

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
PARTS = ("strength", "journeys", "removals", "keyless", "faces")
_SIZES = {"native": "about 320 pixels", "224": "224 pixels", "1080": "1080 pixels", "12mp": "12 megapixels"}
_LITES = ("Lite0", "Lite1", "Lite2")

Report = Mapping[str, Any]
Figures = Mapping[str, Any]


def tables(reports: Iterable[Report]) -> str:
    """All tables in Markdown, each with where its figures come from."""
    found = sorted(
        reports, key=lambda r: (PARTS.index(r["part"]), r["tier"] != "sealed", str(r["size"]), r.get("rounds", 1))
    )
    renderers = {
        "strength": _strength,
        "journeys": _journeys,
        "removals": _removals,
        "keyless": _removals,
        "faces": _faces,
    }
    return "\n\n".join(
        f"### {_title(report)}\n\n{renderers[report['part']](report)}\n\n{_origin(report['provenance'])}"
        for report in found
    )


def _title(report: Report) -> str:
    words = {
        "strength": "Protected, by whose eyes, against controls of the same strength",
        "journeys": "After a platform or a distortion",
        "removals": "After an opponent's filter",
        "keyless": "After an opponent's trained restorer",
        "faces": "Whether a face detector (MTCNN) still finds the face",
    }
    other = ", Caltech-101 (heads that no code is made on)" if report.get("dataset") == "caltech101" else ""
    more = f", {rounds} rounds of the search" if (rounds := report.get("rounds", 1)) > 1 else ""
    how = f"{report['tier']}, {report['strength_db']:g} dB{more}"
    return f"{words[report['part']]}: {how}, {_SIZES[report['size']]}{other}"


def _strength(report: Report) -> str:
    rows: Mapping[str, Figures] = report["rows"]
    main = rows["Lite0"]
    facts = [
        f"protected {_psnr(main, 'protected_psnr_db')}",
        f"SSIM {main['protected_ssim_mean']}",
        f"GMSD {main['protected_gmsd_mean']}",
        f"feature distance {main['protected_lite2_distance_mean']}",
        f"restored bit for bit {main['restored_bit_exact_percent']} %"
        + ("" if main["restored_bit_exact_percent"] == 100 else f" (else {main['restored_psnr_db_least']} dB or more)"),
        f"label agrees after restoring {main['restored_label_agrees_percent']} %",
    ]
    if "code_entropy_bytes_mean" in main:
        facts.append(f"code {main['code_entropy_bytes_mean'] / 1000:.1f} KB")
    body = [
        (_seen(name, report["tier"]), f["counted"], *_rate(f), f.get("protected_psnr_db_mean", ""))
        for name, f in sorted(rows.items(), key=lambda item: item[0].startswith(CONTROLS))
    ]
    head = ("perturbation, or whose eyes", "photos", "changed, %", "95 % interval", "protected, dB")
    return f"Over {main['photos']} photos: {', '.join(facts)}.\n\n{_markdown(head, body)}"


def _journeys(report: Report) -> str:
    rows: Mapping[str, Figures] = report["rows"]
    body = []
    for name in _names(rows):
        lites = [rows[f"{name}, {lite}"] for lite in _LITES]
        restored = lites[0].get("restored_psnr_db_mean", "")
        body.append((name, lites[0]["photos"], *_cells(lites), restored, _gap(lites[0])))
    head = ("what happened", "photos", *_heads(), "restored, dB", "gap to channel, dB")
    return _markdown(head, body)


def _gap(figures: Figures) -> str:
    """How far the owner stays behind the unprotected photo's copy; in the one-pass tier without the receipt, too."""
    gaps = [figures.get(f"gap_to_channel{without}_db_mean") for without in ("", "_without_receipt")]
    known = [f"{gap:.2f}" for gap in gaps if gap is not None]
    return " (without its receipt ".join(known) + ")" * (len(known) - 1)


def _removals(report: Report) -> str:
    rows: Mapping[str, Figures] = report["rows"]
    body = []
    for name in _names(rows):
        lites = [rows[f"{name}, {lite}"] for lite in _LITES]
        back = lites[0].get("label_brought_back_percent", "")
        body.append((name, lites[0]["photos"], *_cells(lites), back, lites[0]["gain_db_mean"]))
    head = ("removal", "photos", *_heads(), "Lite0's labels brought back, %", "gain, dB")
    return _markdown(head, body)


def _faces(report: Report) -> str:
    body = [(name, f["counted"], *_rate(f), f["psnr_db_mean"]) for name, f in report["rows"].items()]
    return _markdown(("photo", "faces found before", "lost, %", "95 % interval", "dB"), body)


def _names(rows: Mapping[str, Figures]) -> list[str]:
    return list(dict.fromkeys(name.rpartition(", ")[0] for name in rows))


def _heads() -> list[str]:
    return [f"{lite} changed, % (clean photo wrong, %)" for lite in _LITES]


def _cells(lites: Sequence[Figures]) -> list[str]:
    return [f"{_percent(f['attack_success_rate_percent'])} ({f['clean_wrong_percent']})" for f in lites]


def _percent(value: float | None) -> str:
    return "none counted" if value is None else str(value)


def _rate(figures: Figures) -> tuple[str, str]:
    interval = figures["attack_success_rate_interval_percent"]
    return _percent(
        figures["attack_success_rate_percent"]
    ), "" if interval is None else f"{interval[0]} to {interval[1]}"


def _psnr(figures: Figures, key: str) -> str:
    return f"{figures[f'{key}_mean']} dB (least {figures[f'{key}_least']})"


def _seen(name: str, tier: str) -> str:
    """The row's name, marked where the network had no part in making the tier's codes."""
    if name.startswith(tuple(OTHERS)):
        return f"{name} (unseen, another family)"
    network = next((lite for lite in _LITES if name.startswith(lite)), None)
    made_with = {model.removeprefix("classifier_efficientnet_").capitalize() for model in MADE_WITH[Tier(tier)]}
    return f"{name} (unseen)" if network is not None and network not in made_with else name


def _markdown(head: Sequence[str], body: Iterable[Sequence[object]]) -> str:
    rows = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def _origin(p: Mapping[str, Any]) -> str:
    return (
        f"`{p['command']}`, commit {p['commit']}, {p['data']}; {p['machine']}, "
        f"{p['minutes']} minutes for the last run, {p['date']}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("training/results/photo"))
    parser.add_argument("--page", type=Path, default=Path("docs/protection.md"))
    arguments = parser.parse_args()
    reports = [json.loads(path.read_text()) for path in sorted(arguments.results.glob("*.json"))]
    figures = tables(report for report in reports if report.get("part") in PARTS)
    before, rest = arguments.page.read_text().split(BEGIN)
    arguments.page.write_text(f"{before}{BEGIN}\n{figures}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
