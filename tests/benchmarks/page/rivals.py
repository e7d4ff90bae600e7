"""The rivals' section of docs/performance.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from page.render import notes

Json = dict[str, Any]
_TIERS = {"one-pass": "one-pass", "sealed": "sealed"}
_NAMES = {
    "one-pass": "SRAE, one-pass",
    "sealed": "SRAE, sealed",
    "ddn": "DDN",
    "pgd": "PGD",
    "cw": "C&W",
    "litserve-json": "LitServe, JSON with base64",
    "litserve-raw": "LitServe, raw body",
    "litserve-raw-unbatched": "LitServe, raw body, without batching",
    "bentoml": "BentoML",
    "fastapi": "FastAPI",
    "triton-direct": "Triton called directly",
    "ours-triton": "ours over Triton",
    "ours-grpc": "ours over gRPC, models in process",
    "ours-in-process": "ours in process, without a wire",
}
_SUCCESSES = {"stored": "on the stored file", "uploaded": "on a site's JPEG (quality 85) of it"}

_ABOUT_ATTACKS = """\
*Steps* are gradient steps on a photo. *Success*: Lite0 answers otherwise than to the original, both in 8 bits (stored),
or otherwise to a site's copy than to that site's copy of the original (uploaded). PSNR is the mean over photos that
were changed at all; success is of all, with Wilson's 95 % interval. Everyone protects each photo in turn, one photo at
a time, on {threads} threads. C&W at its defaults {ended} after {seconds:.0f} s and {gradient_steps} steps on one photo.
"""
_LIMITS = """
What the attacks do not do: nothing of theirs can be restored; they work at the network's own size unless their user
writes more; and they are made on one network, as the one-pass tier is (the sealed tier on two). They need its gradients
for each photo, and so do both tiers. Of what DDN finds at its defaults, {stored:.0f} % of the answers are
changed as stored and {uploaded:.0f} % on a site's JPEG. At more than 224 pixels they look through PyTorch's antialiased
bilinear resampling, as their users would, and are judged through the product's area averaging: a part of what they lose
there they lose to that.
"""
_ABOUT_SERVERS = """\
{rounds} turns of {seconds_a_turn:g} s each, interleaved; intervals are over turns, and of few turns hardly more than
their range. Everyone has two threads: two workers (or Triton instances) of one thread each, or our one process with
two. *Triton called directly* is the bare inferences alone, one after the other, without decoding, encoding or
measuring.
"""

#: The project's aims: seconds of DDN over ours, and our calls a second over LitServe's and Triton's.
_DDN_AIM, _LITSERVE_AIM, _TRITON_AIM = 100, 2.0, 0.9


def section(results: Path) -> str | None:
    """Markdown; None where nothing was measured."""
    path = results / "rivals.json"
    if not path.is_file():
        return None
    parts: dict[str, Json] = json.loads(path.read_text())["parts"]
    text = ["## Rivals", ""]
    text += [line for name, part in parts.items() if name.startswith("protection") for line in _protection(part)]
    text += [line for name, part in parts.items() if name.startswith("serving") for line in _serving(part)]
    if "fawkes" in parts:
        text += _fawkes(parts["fawkes"])
    return "\n".join(text)


def pictures(results: Path, folder: Path) -> None:
    """Speed against success, a picture for each set of photos."""
    path = results / "rivals.json"
    if not path.is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in json.loads(path.read_text())["parts"].items():
        if name.startswith("protection"):
            speed_against_success(part).savefig(folder / f"rivals-{name}.png", dpi=110, bbox_inches="tight")


def _notes(part: Json) -> list[str]:
    return [line for note in notes(part) for line in (note, "")]


def _protection(part: Json) -> list[str]:
    kind = f"protection-{part['photos']}-{part['size']}"
    text = [
        f"### Attacks made for each photo: {part['photo_count']} photos of {part['size']}, on EfficientNet-Lite0",
        "",
        *_notes(part),
        f"![Seconds a photo against success](pictures/performance/rivals-{kind}.png)",
        "",
        "| | steps | success, stored, % | success, uploaded, % | PSNR, dB | seconds a photo |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in part["contenders"].items():
        figures = [_share(row[success]) for success in _SUCCESSES]
        distance = "-" if row["psnr_db"] is None else f"{row['psnr_db']:.1f}"
        cells = [_title(name, row), str(row["gradient_steps"]), *figures, distance, f"{row['median_seconds']:.3f}"]
        text.append(f"| {' | '.join(cells)} |")
    text += ["", _about_attacks(part), ""]
    for tier, title in _TIERS.items():
        text += [f"**Beside the {title} tier.** Times its seconds; below 1 the rival is faster.", ""]
        text += ["| rival | protection | times our seconds, 95 % interval |", "|---|---|---|"]
        for success, where in _SUCCESSES.items():
            for row in part["tiers"][tier][success]:
                if row["rival"] == tier or (row["is_equal_protection"] is None and success != "stored"):
                    continue  # a tier is no rival of itself; the defaults stand there once
                title = _title(row["rival"], part["contenders"][row["rival"]])
                text.append(f"| {title} | {_equality(row, where)} | {_ratio(row['times_our_seconds'])} |")
        text += ["", _verdict(part, tier), ""]
    return [*text, _source(part), ""]


def _verdict(part: Json, tier: str) -> str:
    """The aim against what was measured, and who is faster at equal protection."""
    rows = part["tiers"][tier]["stored"]
    equal = [row for row in rows if row["is_equal_protection"]]
    faster = [_title(r["rival"], part["contenders"][r["rival"]]) for r in equal if r["times_our_seconds"]["high"] < 1]
    ddn = next((r["times_our_seconds"] for r in equal if part["contenders"][r["rival"]]["family"] == "ddn"), None)
    text = f"Faster than this tier at equal protection, and at its PSNR or better: {'; '.join(faster) or 'none'}."
    if tier == "one-pass" and ddn is not None:
        met = "met" if ddn["low"] >= _DDN_AIM else "missed"
        text += f" The aim, {_DDN_AIM} times faster than DDN at equal success, is **{met}**: {_ratio(ddn)}."
    return text


def _equality(row: Json, where: str) -> str:
    if row["is_equal_protection"] is None:
        return "its defaults"
    return f"equal {where}" if row["is_equal_protection"] else f"less {where} (none of its settings reaches ours)"


def _about_attacks(part: Json) -> str:
    cw = part["carlini_wagner_default"]
    ended = "ended" if cw["has_ended"] else "had not ended"
    return _ABOUT_ATTACKS.format(threads=part["threads"], ended=ended, **cw) + _LIMITS.format(
        stored=part["contenders"]["ddn-100"]["stored"]["percent"],
        uploaded=part["contenders"]["ddn-100"]["uploaded"]["percent"],
    )


def _serving(part: Json) -> list[str]:
    text = [f"### Servers: {part['title']}", "", *_notes(part)]
    text += ["| | calls a second, 1 caller | p50, ms | calls a second, 8 callers | p50, ms |", "|---|---|---|---|---|"]
    one, eight = part["concurrency"]["1"], part["concurrency"]["8"]
    for name in one:
        cells = [f"{figures[name][key]:.1f}" for figures in (one, eight) for key in ("calls_per_second", "p50_ms")]
        text.append(f"| {_NAMES[name]} | {' | '.join(cells)} |")
    text += ["", "| ours | over | times its calls a second, 1 caller | 8 callers |", "|---|---|---|---|"]
    for ours, rivals in part["ratios"]["1"].items():
        for rival, ratio in rivals.items():
            other = part["ratios"]["8"][ours][rival]
            text.append(f"| {_NAMES[ours]} | {_NAMES[rival]} | {_ratio(ratio)} | {_ratio(other)} |")
    about = _ABOUT_SERVERS.format(**part)
    return [*text, "", about, _aims(part), "", _source(part), ""]


def _aims(part: Json) -> str:
    """Both aims at 8 callers, of the best of ours: over LitServe's best variant, and over Triton called directly."""
    ratios = part["ratios"]["8"]
    rates = {name: row["calls_per_second"] for name, row in part["concurrency"]["8"].items()}
    served = [name for name in ratios if name != "ours-in-process"]  # without a wire it serves nobody
    best = max(served, key=rates.__getitem__)
    litserve = max((name for name in rates if name.startswith("litserve")), key=rates.__getitem__)
    lines = []
    for rival, aim in ((litserve, _LITSERVE_AIM), ("triton-direct", _TRITON_AIM)):
        ratio = ratios[best][rival]
        met = "met" if ratio["low"] >= aim else "missed"
        lines.append(f"{aim:g} times {_NAMES[rival]}: **{met}**, {_ratio(ratio)}.")
    return f"The aims, of the fastest of each kind at 8 callers; ours was {_NAMES[best]}: {' '.join(lines)}"


def _fawkes(part: Json) -> list[str]:
    what = f"ran in {part['seconds']:.0f} s" if part["ran"] else f"did not run here: `{part['error']}`"
    text = f"It works against face recognition, not against these classifiers. It {what}."
    return ["### Fawkes", "", text, "", _source(part), ""]


def speed_against_success(part: Json) -> Figure:
    """A point for each contender: seconds a photo, success, and PSNR as its label."""
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    both = figure.subplots(1, 2, sharey=True)
    for axes, success in zip(both, _SUCCESSES, strict=True):
        for family in dict.fromkeys(row["family"] for row in part["contenders"].values()):
            rows = [row for row in part["contenders"].values() if row["family"] == family and row["psnr_db"]]
            is_ours = family in _TIERS
            axes.scatter(
                [row["median_seconds"] for row in rows],
                [row[success]["percent"] for row in rows],
                label=_NAMES[family],
                marker="*" if is_ours else "o",
                s=200 if is_ours else 36,
                zorder=3 if is_ours else 2,
            )
        axes.set_xscale("log")
        axes.set_title(f"success {_SUCCESSES[success]}", fontsize=10)
        axes.set_xlabel("seconds a photo (faster to the left)")
        axes.grid(alpha=0.3)
    both[0].set_ylabel("answers changed, %")
    both[0].set_ylim(-4, 104)
    figure.legend(*both[0].get_legend_handles_labels(), fontsize=8, loc="outside lower center", ncols=5)
    return figure


def _title(name: str, row: Json) -> str:
    return _NAMES[name] if name in _TIERS else f"{_NAMES[row['family']]}, {row['setting']}"


def _share(share: Json) -> str:
    return f"{share['percent']:.0f} ({share['low']:.0f} to {share['high']:.0f})"


def _ratio(ratio: Json) -> str:
    return f"{ratio['ratio']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def _source(part: Json) -> str:
    return f"`{part['command']}`, commit {part['commit']}, {part['date']}; {part['cores']} cores, {part['machine']}."
