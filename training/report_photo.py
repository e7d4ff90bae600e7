"""Writes the tables of docs/protection.md from the figures under training/results/photo/, an overview first."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from services.imaging.pipeline import MADE_WITH, STRENGTHS_DB
from services.imaging.receipt import Tier
from training.evaluation.eyes import OTHERS
from training.evaluation.files import OWN, UNDIVIDED
from training.evaluation.strength import CONTROLS

#: The parts of the page that this makes, each between two marks.
MARKS = {name: (f"<!-- {name}: begin -->", f"<!-- {name}: end -->") for name in ("overview", "figures")}
PARTS = ("strength", "files", "journeys", "removals", "keyless", "faces")
_SIZES = {
    "native": "about 320 pixels",
    "224": "224 pixels",
    "1080": "1080 pixels (enlarged)",
    "12mp": "12 megapixels (enlarged)",
}
_CALTECH_SIZE = "about 300 x 225 pixels"
_LITES = ("Lite0", "Lite1", "Lite2")

Report = Mapping[str, Any]
Figures = Mapping[str, Any]


def tables(reports: Iterable[Report]) -> str:
    """All tables in Markdown, each with where its figures come from."""
    renderers = {
        "strength": _strength,
        "files": _files,
        "journeys": _journeys,
        "removals": _removals,
        "keyless": _removals,
        "faces": _faces,
    }
    return "\n\n".join(
        f"### {_title(report)}\n\n{renderers[report['part']](report)}\n\n{_origin(report['provenance'])}"
        for report in sorted(reports, key=_order)
    )


def overview(reports: Iterable[Report]) -> str:
    """A line for each setting whose strength was measured: whose answers changed, and the best control's."""
    body = []
    for report in sorted((r for r in reports if r["part"] == "strength"), key=_order):
        rows: Mapping[str, Figures] = report["rows"]
        controls = [name for name in rows if name.startswith(CONTROLS) and "seen by" not in name]
        best = max(controls, key=lambda name: rows[name]["attack_success_rate_percent"])
        seen = [_changed(rows[name]) if name in rows else "-" for name in _LITES]
        seen += [_beside_control(rows, name) if name in rows else "-" for name in OTHERS]
        exact = rows["Lite0"]["restored_bit_exact_percent"]
        changed = rows[best]["attack_success_rate_percent"]
        control = f"{changed:g} ({best.removeprefix('control: ')})"
        body.append((_setting(report), rows["Lite0"]["photos"], *seen, control, f"{exact:g}"))
    head = ("how, and on which photos", "photos", *_LITES, *OTHERS, "Lite0, best control", "restored bit for bit, %")
    return _markdown(head, body)


def _beside_control(rows: Mapping[str, Figures], network: str) -> str:
    """What a network answers otherwise, and at the control that changes most of its answers."""
    seen_so = [figures for name, figures in rows.items() if name.endswith(f", seen by {network}")]
    most = max(figures["attack_success_rate_percent"] for figures in seen_so if figures)
    return f"{_changed(rows[network])}; control {most:g}"


def _changed(figures: Figures) -> str:
    interval = figures["attack_success_rate_interval_percent"]
    return _percent(figures["attack_success_rate_percent"]) + (
        "" if interval is None else f" ({interval[0]:.0f} to {interval[1]:.0f})"
    )


def _order(report: Report) -> tuple[object, ...]:
    """What a reader looks for first comes first: the defaults on photos as they are."""
    return (
        PARTS.index(report["part"]),
        list(_SIZES).index(report["size"]),
        report.get("dataset") == "caltech101",
        report["tier"] != "sealed",
        report["strength_db"] != STRENGTHS_DB[Tier(report["tier"])],
        report["strength_db"],
        report.get("rounds", 1),
        json.dumps(report["provenance"]),
    )


def _title(report: Report) -> str:
    words = {
        "strength": "Protected, by whose eyes, against controls of the same strength",
        "files": "A JPEG that stays a JPEG, and platforms' copies of it",
        "journeys": "After a platform or a distortion",
        "removals": "After an opponent's filter"
        + (", shrunk to 320 pixels first" if report["size"] in ("1080", "12mp") else ""),
        "keyless": "After an opponent's trained restorer",
        "faces": "Whether a face detector (MTCNN) still finds the face",
    }
    return f"{words[report['part']]}: {_setting(report)}"


def _setting(report: Report) -> str:
    is_caltech = report.get("dataset") == "caltech101"
    other = ", Caltech-101 (heads that no code is made on)" if is_caltech else ""
    size = _CALTECH_SIZE if is_caltech and report["size"] == "native" else _SIZES[report["size"]]
    more = f", {rounds} rounds of the search" if (rounds := report.get("rounds", 1)) > 1 else ""
    return f"{report['tier']}, {report['strength_db']:g} dB{more}, {size}{other}"


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


def _files(report: Report) -> str:
    rows: Mapping[str, Figures] = report["rows"]
    own = rows[OWN]
    facts = [
        f"protected {_psnr(own, 'protected_psnr_db')}",
        f"restored bit for bit {own['restored_bit_exact_percent']} %, as a JPEG {own['restored_as_jpeg_percent']} %",
        f"larger by {own['growth_percent_mean']} % (at most {own['growth_percent_most']} %)",
    ]
    if UNDIVIDED in rows:
        facts.append(f"in the original's steps by {rows[UNDIVIDED]['growth_percent_mean']} %")
    others = [name.removeprefix(f"{OWN}, seen by ") for name in rows if name.startswith(f"{OWN}, seen by ")]
    body = [
        (
            name,
            f["photos"],
            *_cells([f]),
            *(cell for network in others for cell in _cells_of(rows.get(f"{name}, seen by {network}"))),
            f.get("clean_copy_psnr_db_mean", ""),
            f.get("restored_psnr_db_mean", ""),
            _gap(f),
            f.get("restored_bit_exact_percent", ""),
        )
        for name, f in rows.items()
        if ", seen by " not in name
    ]
    head = (
        "file", "photos", *_heads("Lite0", *others),
        "copy of the unprotected photo, dB", "restored, dB", "gap to channel, dB", "restored bit for bit, %",
    )  # fmt: skip
    return f"Over {own['photos']} photos: {', '.join(facts)}.\n\n{_markdown(head, body)}"


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
    """How far the owner stays behind the unprotected photo's copy, and beside it the widest, and other ways'."""
    if "gap_to_channel_db_mean" not in figures:
        return ""
    beside = {
        "at most": "gap_to_channel_db_most",
        "plainly": "gap_to_channel_subtracted_plainly_db_mean",
        "without its receipt": "gap_to_channel_without_receipt_db_mean",
    }
    told = [f"{words} {figures[key]:.2f}" for words, key in beside.items() if key in figures]
    return f"{figures['gap_to_channel_db_mean']:.2f}" + (f" ({'; '.join(told)})" if told else "")


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


def _heads(*networks: str) -> list[str]:
    return [f"{network} changed, % (clean photo wrong, %)" for network in networks or _LITES]


def _cells_of(figures: Figures | None) -> list[str]:
    return [""] if figures is None else _cells([figures])


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
    """Without the minutes: those of a run that went on where another stopped say little. The JSON has them."""
    return f"`{p['command']}`, commit {p['commit']}, {p['data']}; {p['machine']}, {p['date']}."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.report_photo", description=__doc__)
    folder, page_path = Path("training/results/photo"), Path("docs/protection.md")
    parser.add_argument("--results", type=Path, default=folder, help=f"folder of the figures (default: {folder})")
    parser.add_argument("--page", type=Path, default=page_path, help=f"the page (default: {page_path})")
    arguments = parser.parse_args()
    found = [json.loads(path.read_text()) for path in sorted(arguments.results.glob("*.json"))]
    reports = [report for report in found if report.get("part") in PARTS]
    page = arguments.page.read_text()
    for name, text in {"overview": overview(reports), "figures": tables(reports)}.items():
        begin, end = MARKS[name]
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}"
    arguments.page.write_text(page)


if __name__ == "__main__":
    main()
