"""Measures the guard against a wrong receipt (services/imaging/presence.py): scores of codes that are there, or not.

Photos are those of the development set with an odd index, and codes of other photos are of those with an even one. On
the latter the threshold was chosen: what it does there stands beside. Leaves training/results/photo/presence.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from services.evaluation.channels import CHANNELS, Channel
from services.imaging import codec, presence
from services.imaging.receipt import Tier
from training import command
from training.data.photos import data_root, development_photos
from training.evaluation.protections import Protections, Setting
from training.evaluation.subjects import Subject
from training.provenance import provenance

Pixels = NDArray[np.uint8]
Scores = dict[str, list[float]]

RESULT = Path("training/results/photo/presence.json")
STRENGTHS = ((Tier.SEALED, 38.0), (Tier.SEALED, 42.0), (Tier.SEALED, 46.0), (Tier.ONE_PASS, 37.0))
_QUALITIES = (85, 70)
_SCALES = {"full size": 1.0, "two thirds": 2 / 3, "half size": 0.5}
_SEED = 0


def subjects(root: Path, parity: int, count: int) -> list[Subject]:
    """Photos of the development set whose index is even (0) or odd (1), in a fixed random order."""
    paths, labels = development_photos(root)
    order = np.random.default_rng(_SEED).permutation(np.arange(parity, len(paths), 2))[:count]
    return [Subject(paths[i].stem, codec.decode(paths[i].read_bytes()), int(labels[i])) for i in order]


def copies(pixels: Pixels) -> Iterator[tuple[str, Pixels]]:
    """What may come back of a protected photo: JPEGs at three sizes, and what named platforms make of it."""
    for quality, (name, scale) in itertools.product(_QUALITIES, _SCALES.items()):
        size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8) if scale < 1.0 else pixels
        yield f"copy: JPEG {quality}, {name}", Channel("", quality)(small).pixels
    for channel in CHANNELS:
        yield f"copy: {channel.name}", channel(pixels).pixels


def wrong(protections: Protections, tested: list[Subject], others: list[Subject], codes_each: int) -> list[float]:
    """Scores of other photos' codes.

    Args:
        tested: the photos. Every second one is held as it was before it was protected.
        others: the photos whose codes they are held against.
        codes_each: how many of those codes for each photo.
    """
    chance = np.random.default_rng(_SEED)
    scores = []
    for index, subject in enumerate(track(tested, description=f"{protections.setting.name}, wrong codes")):
        pixels = protections.protected(subject) if index % 2 else subject.photo.pixels
        codes = [protections.code(other) for other in others if other.name != subject.name]
        chosen = chance.choice(len(codes), codes_each, replace=False)
        scores += [presence.score(pixels, codes[number]) for number in chosen]
    return scores


def right(protections: Protections, tested: list[Subject]) -> Scores:
    """Scores of photos' own codes, in the original and in copies of the protected photo, by what was made of it."""
    scores: Scores = {}
    for subject in track(tested, description=f"{protections.setting.name}, own codes"):
        original = subject.photo.pixels
        held = [
            ("the original with its own code", original),
            ("the original's JPEG 85 with its own code", Channel("", 85)(original).pixels),
            *copies(protections.protected(subject)),
        ]
        for name, pixels in held:
            scores.setdefault(name, []).append(presence.score(pixels, protections.code(subject)))
    return scores


def summary(scores: Scores) -> dict[str, dict[str, float]]:
    """How many scores pass for a code that is there, and how they lie."""
    return {
        name: {
            "count": len(found),
            "present": int(np.sum(np.array(found) > presence.THRESHOLD)),
            "mean": round(float(np.mean(found)), 3),
            "deviation": round(float(np.std(found)), 3),
            "least": round(float(np.min(found)), 2),
            "most": round(float(np.max(found)), 2),
        }
        for name, found in scores.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.wrong_receipts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--repository", type=Path, default=Path("triton_models"), help="model repository to measure")
    parser.add_argument("--limit", type=int, default=60, help="photos of either index (default: 60)")
    parser.add_argument("--codes", type=int, default=40, help="others' codes a photo is held against (default: 40)")
    parser.add_argument("--threads", type=int, default=0, help="processor threads (default: torch's choice)")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    begun, root = time.monotonic(), data_root(arguments.data)
    tested, others = (subjects(root, parity, arguments.limit) for parity in (1, 0))
    rows = {}
    for tier, strength_db in STRENGTHS:
        protections = Protections(Setting(tier, strength_db, "native"), arguments.repository)
        scores = {
            "another photo's code": wrong(protections, tested, others, arguments.codes),
            "another photo's code, photos of even index": wrong(protections, others, others, arguments.codes),
        }
        rows[f"{tier.value}, {strength_db:g} dB"] = summary(scores | right(protections, tested))
    data = f"imagenet-sample, {len(tested)} photos of odd index, codes of {len(others)} of even index, native size"
    report = {
        "part": "presence",
        "threshold": presence.THRESHOLD,
        "rows": rows,
        "provenance": provenance(_SEED, (time.monotonic() - begun) / 60, data),
    }
    RESULT.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    command.run(main)
