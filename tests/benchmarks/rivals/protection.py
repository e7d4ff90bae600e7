"""Per-image attacks beside our tiers: success on Lite0, PSNR and seconds, photo by photo and all in turns.

Each photo is one round: every contender protects it once, in an order drawn for the photo, so that a noisy machine is
noisy for all. What a photo gave is kept under out/, so that a run of a few minutes goes on where the last one stopped.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rivals import contenders, endless
from rivals.contenders import Contender
from rivals.intervals import ratio_of_medians, share
from rivals.photos import photos
from rivals.results import keep
from rivals.selection import Outcome, equal_protection
from services.evaluation.channels import CHANNELS
from services.evaluation.metrics import psnr_db
from training.evaluation.eyes import Eyes
from training.evaluation.subjects import Subject

REPOSITORY = Path(__file__).parents[3] / "triton_models"
RUNS = Path("out/rivals")
Row = dict[str, Any]
Rounds = Sequence[dict[str, Row]]
TIERS = ("one-pass", "sealed")
#: A site that makes JPEGs of quality 85.
UPLOAD = next(channel for channel in CHANNELS if channel.name == "X")
#: Whether the target's answers to original and protected photo differ: both in 8 bits, and that site's copies of both.
SUCCESSES = ("stored", "uploaded")


@dataclass(frozen=True)
class Options:
    """See ``python -m rivals --help``."""

    size: str
    limit: int
    minutes: float
    threads: int
    data: str | None
    command: str


def run(options: Options) -> None:
    """Measures the photos that have not been yet, as far as the minutes go, and keeps the figures of all."""
    torch.set_num_threads(options.threads)
    until = time.monotonic() + 60 * options.minutes
    eyes = Eyes()
    source, subjects = photos(options.size, options.limit, options.data, eyes)
    listed = [*contenders.ours(REPOSITORY, options.threads), *contenders.attacks()]
    store = _store(source, options)
    kept = _kept(store)
    if not kept:  # the first inference of each is slower, and no figure
        for contender in listed:
            contender.protect(subjects[0].photo, subjects[0].label)
    for index, subject in enumerate(subjects):
        if subject.name in kept or (kept and time.monotonic() > until):
            continue
        kept[subject.name] = _measured(subject, listed, eyes, index)
        with store.open("a") as file:
            file.write(json.dumps({"photo": subject.name, "rows": kept[subject.name]}) + "\n")
    print(f"{len(kept)} of {len(subjects)} photos measured; the others want another run" * (len(kept) < len(subjects)))
    figures = summary(listed, [kept[subject.name] for subject in subjects if subject.name in kept])
    seen = endless.carlini_wagner(subjects[0], store.with_suffix(".cw.json"), seconds=30.0)
    head = {"photos": source, "size": options.size, "threads": options.threads, "carlini_wagner_default": seen}
    keep(f"protection-{source}-{options.size}", {**head, **figures}, options.command)


def summary(listed: Sequence[Contender], rounds: Rounds) -> dict[str, Any]:
    """Every contender's figures, and each tier beside its rivals at equal protection and at their defaults."""
    rows = {contender.name: _figures(contender, [each[contender.name] for each in rounds]) for contender in listed}
    attacks = [contender for contender in listed if contender.effort and contender.family != "sealed"]
    tiers: Row = {tier: {} for tier in TIERS}
    for success in SUCCESSES:
        outcomes = {c.name: _outcome(c, rows[c.name], success) for c in listed}
        for tier in TIERS:
            tiers[tier][success] = _beside(tier, attacks, outcomes, rounds)
    return {"photo_count": len(rounds), "contenders": rows, "tiers": tiers}


def _beside(tier: str, attacks: Sequence[Contender], outcomes: Mapping[str, Outcome], rounds: Rounds) -> list[Row]:
    """The matched settings of all rivals, then their defaults, with how many times our seconds they take."""
    matches = equal_protection(outcomes[tier], [outcomes[attack.name] for attack in attacks])
    chosen: list[tuple[str, bool | None]] = [(match.outcome.name, match.is_equal) for match in matches.values()]
    chosen += [(attack.name, None) for attack in attacks if attack.is_default]
    return [
        {"rival": name, "is_equal_protection": equal, "times_our_seconds": _ratio(rounds, name, tier)}
        for name, equal in chosen
    ]


def _measured(subject: Subject, listed: Sequence[Contender], eyes: Eyes, index: int) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    original, uploaded = (eyes.look(p, 0).label for p in (subject.photo.pixels, UPLOAD(subject.photo.pixels).pixels))
    for place in np.random.default_rng(index).permutation(len(listed)):
        contender = listed[place]
        started = time.perf_counter()
        pixels = contender.protect(subject.photo, subject.label)
        seconds = time.perf_counter() - started
        distance = psnr_db(subject.photo.pixels, pixels)
        rows[contender.name] = {
            "seconds": seconds,
            "psnr_db": distance if math.isfinite(distance) else None,
            "stored": eyes.look(pixels, 0).label != original,
            "uploaded": eyes.look(UPLOAD(pixels).pixels, 0).label != uploaded,
        }
    return rows


def _outcome(contender: Contender, row: Row, success: str) -> Outcome:
    return Outcome(contender.name, contender.family, contender.effort, row[success]["percent"], row["psnr_db"])


def _figures(contender: Contender, rows: Sequence[Row]) -> Row:
    distances = [row["psnr_db"] for row in rows if row["psnr_db"] is not None]
    return {
        "family": contender.family,
        "setting": contender.setting,
        "gradient_steps": contender.effort,
        **{success: share(sum(row[success] for row in rows), len(rows)) for success in SUCCESSES},
        "psnr_db": statistics.fmean(distances) if distances else None,
        "median_seconds": statistics.median(row["seconds"] for row in rows),
    }


def _ratio(rounds: Rounds, rival: str, tier: str) -> dict[str, float]:
    return ratio_of_medians([each[rival]["seconds"] for each in rounds], [each[tier]["seconds"] for each in rounds])


def _store(source: str, options: Options) -> Path:
    """Other models, sizes or threads give another file, so that no figures of two mix."""
    newest = [sorted((REPOSITORY / m).glob("[0-9]*/model.pt"))[-1] for m in ("protector", "recoverer", "refiner")]
    settings = Path(contenders.__file__).read_bytes()
    mark = hashlib.sha256(b"".join(path.read_bytes() for path in newest) + settings).hexdigest()[:10]
    RUNS.mkdir(parents=True, exist_ok=True)
    return RUNS / f"{source}-{options.size}-{options.threads}-{mark}.jsonl"


def _kept(store: Path) -> dict[str, dict[str, Row]]:
    lines = store.read_text().splitlines() if store.is_file() else []
    return {line["photo"]: line["rows"] for line in map(json.loads, lines)}
