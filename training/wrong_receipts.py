"""Measures the guard against a wrong receipt (services/imaging/presence.py): scores of codes that are there, or not.

Photos are those of the development set with an odd index, and codes of other photos are of those with an even one. On
the latter the threshold was chosen: what it does there stands beside. Codes are added to pixels, or with --in-jpegs to
the photos' own coefficients, of which the guard is then told; with --quality to those of JPEGs with coarser steps.
Leaves training/results/photo/presence.json, presence-in-jpegs.json, or presence-in-jpegs-QUALITY.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from services.evaluation.channels import CHANNELS, Channel
from services.imaging import codec, jpeg_steps, pipeline, presence
from services.imaging.photo import JpegLayout
from services.imaging.receipt import Tier
from training import command
from training.data.photos import data_root, development_photos
from training.evaluation.protections import Protections, Setting
from training.evaluation.subjects import Subject
from training.provenance import provenance

Pixels = NDArray[np.uint8]
Scores = dict[str, list[float]]

RESULTS = Path("training/results/photo")
STRENGTHS = ((Tier.SEALED, 38.0), (Tier.SEALED, 42.0), (Tier.SEALED, 46.0), (Tier.ONE_PASS, 37.0))
_QUALITIES = (85, 70)
_SCALES = {"full size": 1.0, "two thirds": 2 / 3, "half size": 0.5}
_SEED = 0


def subjects(root: Path, parity: int, count: int, quality: int | None) -> list[Subject]:
    """Photos of the development set whose index is even (0) or odd (1), in a fixed random order.

    Args:
        quality: of the JPEG as which each is saved first, with halved colours.
    """
    paths, labels = development_photos(root)
    order = np.random.default_rng(_SEED).permutation(np.arange(parity, len(paths), 2))[:count]
    found = [Subject(paths[i].stem, codec.decode(paths[i].read_bytes()), int(labels[i])) for i in order]
    if quality is None:
        return found
    return [replace(one, name=f"{one.name}-q{quality}", photo=Channel("", quality)(one.photo.pixels)) for one in found]


class Held:
    """How photos hold their codes: in their pixels, or in the coefficients of the JPEGs that they are."""

    def __init__(self, protections: Protections, in_jpegs: bool) -> None:
        self._protections = protections
        self._in_jpegs = in_jpegs
        self._moved: dict[str, JpegLayout] = {}
        self.name = protections.setting.name + (", in JPEGs" if in_jpegs else "")

    def protected(self, subject: Subject) -> Pixels:
        """The protected photo."""
        if not self._in_jpegs:
            return self._protections.protected(subject)
        written = pipeline.write(subject.photo, self._protections.receipt(subject))
        return codec.decode(written.file.data).pixels

    def score(self, pixels: Pixels, owner: Subject) -> float:
        """How surely a photo holds the code of another, or of its own."""
        return presence.score(pixels, self._protections.code(owner), self._moved_in(owner))

    def _moved_in(self, subject: Subject) -> JpegLayout | None:
        file = subject.photo.file if self._in_jpegs else None
        if file is not None and subject.name not in self._moved:
            self._moved[subject.name] = jpeg_steps.moved_in(file.layout, self._protections.code(subject))
        return self._moved.get(subject.name)


def copies(pixels: Pixels) -> Iterator[tuple[str, Pixels]]:
    """What may come back of a protected photo: JPEGs at three sizes, and what named platforms make of it."""
    for quality, (name, scale) in itertools.product(_QUALITIES, _SCALES.items()):
        size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8) if scale < 1.0 else pixels
        yield f"copy: JPEG {quality}, {name}", Channel("", quality)(small).pixels
    for channel in CHANNELS:
        yield f"copy: {channel.name}", channel(pixels).pixels


def wrong(held: Held, tested: list[Subject], others: list[Subject], codes_each: int) -> list[float]:
    """Scores of other photos' codes.

    Args:
        tested: the photos. Every second one is held as it was before it was protected.
        others: the photos whose codes they are held against.
        codes_each: how many of those codes for each photo.
    """
    chance = np.random.default_rng(_SEED)
    scores = []
    for index, subject in enumerate(track(tested, description=f"{held.name}, wrong codes")):
        pixels = held.protected(subject) if index % 2 else subject.photo.pixels
        owners = [other for other in others if other.name != subject.name]
        chosen = chance.choice(len(owners), codes_each, replace=False)
        scores += [held.score(pixels, owners[number]) for number in chosen]
    return scores


def right(held: Held, tested: list[Subject]) -> Scores:
    """Scores of photos' own codes, in the original and in copies of the protected photo, by what was made of it."""
    scores: Scores = {}
    for subject in track(tested, description=f"{held.name}, own codes"):
        original = subject.photo.pixels
        seen = [
            ("the original with its own code", original),
            ("the original's JPEG 85 with its own code", Channel("", 85)(original).pixels),
            *copies(held.protected(subject)),
        ]
        for name, pixels in seen:
            scores.setdefault(name, []).append(held.score(pixels, subject))
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
    parser.add_argument("--in-jpegs", action="store_true", help="add codes to the JPEGs' own coefficients")
    parser.add_argument("--quality", type=int, help="with --in-jpegs: save each photo as a JPEG of this quality first")
    parser.add_argument("--threads", type=int, default=0, help="processor threads (default: torch's choice)")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.quality is not None and not arguments.in_jpegs:
        parser.error("--quality is for --in-jpegs")
    if arguments.codes >= arguments.limit:
        parser.error("--codes has to be less than --limit: a photo is held against codes of as many others")
    begun, root = time.monotonic(), data_root(arguments.data)
    tested, others = (subjects(root, parity, arguments.limit, arguments.quality) for parity in (1, 0))
    if arguments.in_jpegs:  # a few are of a kind whose coefficients are left alone
        tested, others = ([one for one in found if one.photo.file is not None] for found in (tested, others))
    rows = {}
    for tier, strength_db in STRENGTHS:
        held = Held(Protections(Setting(tier, strength_db, "native"), arguments.repository), arguments.in_jpegs)
        scores = {
            "another photo's code": wrong(held, tested, others, arguments.codes),
            "another photo's code, photos of even index": wrong(held, others, others, arguments.codes),
        }
        rows[f"{tier.value}, {strength_db:g} dB"] = summary(scores | right(held, tested))
    data = f"imagenet-sample, {len(tested)} photos of odd index, codes of {len(others)} of even index, native size"
    part = "presence-in-jpegs" if arguments.in_jpegs else "presence"
    if arguments.quality is not None:
        data += f", saved as JPEGs of quality {arguments.quality} (4:2:0)"
        part += f"-{arguments.quality}"
    report = {
        "part": part,
        "threshold": presence.THRESHOLD,
        "rows": rows,
        "provenance": provenance(_SEED, (time.monotonic() - begun) / 60, data),
    }
    (RESULTS / f"{part}.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    command.run(main)
