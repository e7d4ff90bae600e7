"""Measures ideas for the sealed tier's refiner, one a row, on photos of the development set with an even index.

Photos with an odd index are left for the figures that are reported, so that no setting was chosen on them. Rows that
the results file holds already are kept; delete one to measure it again. The row with noise in the loop, which gained
nothing, was measured before that option went (commit 516e864), and so was the row whose networks take turns (e95afcc).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from services.evaluation.metrics import psnr_db
from services.imaging import perturb
from services.imaging.receipt import Tier
from services.imaging.resample import down
from training.command import run
from training.data.photos import data_root, development_photos, load_rgb
from training.evaluation.eyes import SIDES, Eyes
from training.evaluation.strength import centre, entropy_bytes
from training.jpeg import jpeg_pixels
from training.models.classifiers import WithFeatures
from training.models.refiner import Refiner, RefinerConfig
from training.models.shipped import HALFWAY, PROTECTOR
from training.provenance import provenance

Pixels = NDArray[np.uint8]
#: A surface is smooth where the standard deviation around a pixel is below this, in levels; the share of a photo that
#: such surfaces have at least where they are looked at; and the blur of an eye, in pixels.
_AROUND, _SMOOTH, _LEAST_SMOOTH, _EYE = (13, 13), 4.0, 0.05, 1.5
RESULTS = Path("training/results/photo/refiner_search.json")


@dataclass(frozen=True)
class Idea:
    """A refiner, and the networks that it sees."""

    config: RefinerConfig
    networks: tuple[int, ...] = (0, 1)
    rounds: int = 1
    #: Whose features count beside the last layer's; see ``WithFeatures``.
    block: int | None = None


BOTH = RefinerConfig(
    steps=8,
    momentum=0.75,
    chroma=1.0,
    texture=0.0,
    level_step=1,
    crop=0.0,
    resize=0.0,
    plain_steps=0,
    extra_steps=0,
    margin=1.0,
    likeness=0.0,
    colour_contrast=0.0,
    hiding=0.0,
    colour_most=0.0,
)
BEST = replace(BOTH, steps=12, crop=0.3, resize=0.12)
PLAIN = replace(BEST, chroma=0.5, plain_steps=4)
WIDE = replace(PLAIN, crop=0.4, resize=0.2, texture=0.5, level_step=2)
OWN = replace(WIDE, momentum=1.0, extra_steps=12)
SHIPPED, BLOCK = RefinerConfig(), HALFWAY[Tier.SEALED]
ANY_COLOUR = replace(SHIPPED, colour_most=0.0)
SEEN = replace(ANY_COLOUR, hiding=0.0)
BEFORE = replace(SEEN, colour_contrast=0.0)
QUICK = replace(WIDE, steps=2, momentum=1.0, step_share=1.0, level_step=8, plain_steps=2, extra_steps=0)
IDEAS = {
    "Lite0 alone, 8 steps (as shipped before)": Idea(BOTH, (0,)),
    "Lite0 + Lite1, 8 steps": Idea(BOTH),
    "12 steps": Idea(replace(BOTH, steps=12)),
    "12 steps, views (crop 0.3, resize 0.12)": Idea(BEST),
    "views, chroma 0.5": Idea(replace(BEST, chroma=0.5)),
    "views, chroma 0": Idea(replace(BEST, chroma=0.0)),
    "views, texture 0.5": Idea(replace(BEST, texture=0.5)),
    "views, momentum 0.9, short steps": Idea(replace(BEST, momentum=0.9, step_share=0.3)),
    "views, step of 2 levels": Idea(replace(BEST, level_step=2)),
    "views, chroma 0.5, own sizes, last 4 plain": Idea(PLAIN),
    "plain, crop 0.4, resize 0.2": Idea(replace(PLAIN, crop=0.4, resize=0.2)),
    "wide, texture 0.5, step of 2 levels": Idea(WIDE),
    "wider (crop 0.5, resize 0.3), texture 0.5, step of 2": Idea(replace(WIDE, crop=0.5, resize=0.3)),
    "wide, texture 0.5, step of 2, momentum 1": Idea(replace(WIDE, momentum=1.0)),
    "wide, texture 1, step of 2": Idea(replace(WIDE, texture=1.0)),
    "wide, texture 0.5, step of 2, 16 steps": Idea(replace(WIDE, steps=16)),
    # From here on, a plain step shows each network the photo at its own size; above, the working image scaled up.
    "own sizes": Idea(replace(OWN, extra_steps=0)),
    "own sizes, 12 extra steps": Idea(OWN),
    "own sizes, 12 extra steps, 2 plain": Idea(replace(OWN, plain_steps=2)),
    "own sizes, 12 extra steps, 16 steps, 2 plain": Idea(replace(OWN, steps=16, plain_steps=2)),
    "own sizes, 12 extra steps, 16 steps, 2 plain, margin 4": Idea(replace(OWN, steps=16, plain_steps=2, margin=4.0)),
    "own sizes, 12 extra steps, 16 steps, 2 plain, margin 4, likeness 40": Idea(
        replace(OWN, steps=16, plain_steps=2, margin=4.0, likeness=40.0)
    ),
    # A block's features beside the last layer's.
    "features of the last layer alone": Idea(SHIPPED),
    "features of block 10, too": Idea(SHIPPED, block=10),
    "features of block 7, too": Idea(SHIPPED, block=7),
    "features of block 10, too, likeness 80": Idea(replace(SHIPPED, likeness=80.0), block=10),
    # Rounds, each with views of its own, as long as the caller gives.
    "as shipped, one round": Idea(SHIPPED, block=BLOCK),
    "as shipped, two rounds": Idea(SHIPPED, rounds=2, block=BLOCK),
    "as shipped, four rounds": Idea(SHIPPED, rounds=4, block=BLOCK),
    "as shipped, two rounds with the same views": Idea(replace(SHIPPED, rounds=1), rounds=2, block=BLOCK),
    # Smooth surfaces spared.
    "colours everywhere": Idea(BEFORE, block=BLOCK),
    "colours everywhere, texture 0.75": Idea(replace(BEFORE, texture=0.75), block=BLOCK),
    "colours everywhere, texture 1": Idea(replace(BEFORE, texture=1.0), block=BLOCK),
    "hiding no more at 42 dB": Idea(SEEN, block=BLOCK),
    "hiding more at 42 dB": Idea(ANY_COLOUR, block=BLOCK),
    # Colours that keep to their cells' brightness.
    "colours within 3 radii": Idea(replace(SHIPPED, colour_most=3.0), block=BLOCK),
    "colours within 2 radii": Idea(replace(SHIPPED, colour_most=2.0), block=BLOCK),
    "colours within 1.5 radii": Idea(replace(SHIPPED, colour_most=1.5), block=BLOCK),
    "as shipped, 32 steps": Idea(replace(SHIPPED, steps=32), block=BLOCK),
    # The one-pass tier's: as few looks as do it.
    "quick: 1 step, Lite0": Idea(replace(QUICK, steps=1, plain_steps=1), (0,)),
    "quick: 2 steps, Lite0": Idea(QUICK, (0,)),
    "quick: 2 steps, Lite0, step of 4": Idea(replace(QUICK, level_step=4), (0,)),
    "quick: 3 steps, Lite0": Idea(replace(QUICK, steps=3, plain_steps=3), (0,)),
    "quick: 3 steps, Lite0, 6 extra": Idea(replace(QUICK, steps=3, plain_steps=3, extra_steps=6), (0,)),
    "quick: 3 steps, Lite0, 6 extra, margin 4": Idea(
        replace(QUICK, steps=3, plain_steps=3, extra_steps=6, margin=4.0), (0,)
    ),
    "quick: 3 steps, Lite0, 6 extra, margin 4, likeness 40": Idea(
        replace(QUICK, steps=3, plain_steps=3, extra_steps=6, margin=4.0, likeness=40.0), (0,)
    ),
    "quick: 3 steps, Lite0, 6 extra, margin 4, likeness 40, features of block 10": Idea(
        replace(QUICK, steps=3, plain_steps=3, extra_steps=6, margin=4.0, likeness=40.0), (0,), block=10
    ),
    "quick: 2 steps, Lite0 + Lite1": Idea(QUICK),
    "one-pass, texture 0.5": Idea(replace(PROTECTOR, texture=0.5), (0,)),
    "one-pass, texture 0.75": Idea(replace(PROTECTOR, texture=0.75), (0,)),
    "one-pass as shipped": Idea(PROTECTOR, (0,)),
}


@dataclass(frozen=True)
class Case:
    """A photo that all three networks label correctly."""

    pixels: Pixels
    label: int
    #: Names of the views in which the photo unprotected keeps its label.
    kept: frozenset[str]


def views(pixels: Pixels, eyes: Eyes) -> dict[str, int]:
    """The networks' answers, by whose and of what."""
    found = {f"Lite{variant}": eyes.look(pixels, variant).label for variant in range(len(SIDES))}
    crop, coarse, small = centre(pixels), jpeg_pixels(pixels, 75), jpeg_pixels(two_thirds(pixels), 80)
    for variant in (0, 2):
        found[f"Lite{variant}, centre crop"] = eyes.look(crop, variant).label
        found[f"Lite{variant}, JPEG 75"] = eyes.look(coarse, variant).label
        found[f"Lite{variant}, two thirds and JPEG 80"] = eyes.look(small, variant).label
    return found


def two_thirds(pixels: Pixels) -> Pixels:
    return cv2.resize(pixels, None, fx=2 / 3, fy=2 / 3, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def cases(root: Path, eyes: Eyes, limit: int) -> Iterator[Case]:
    """Photos of even index that all three networks label correctly, from all over the set."""
    paths, labels = development_photos(root)
    order = np.random.default_rng(0).permutation(np.arange(0, len(paths), 2))
    found = 0
    for index in order:
        pixels, label = load_rgb(paths[index]), int(labels[index])
        if found < limit and all(eyes.look(pixels, variant).label == label for variant in range(3)):
            found += 1
            yield Case(pixels, label, frozenset(k for k, v in views(pixels, eyes).items() if v == label))


def measure(idea: Idea, strength_db: float, photos: list[Case], eyes: Eyes) -> dict[str, float]:
    refiner = Refiner(
        idea.config,
        [WithFeatures(eyes.networks[v], idea.block) for v in idea.networks],
        [SIDES[v] for v in idea.networks],
    )
    changed: dict[str, list[bool]] = {}
    psnr, smooth, most, entropies, seconds = [], [], [], [], 0.0
    for case in photos:
        begun = time.process_time()
        code = refine(refiner, case.pixels, strength_db, idea.rounds)
        seconds += time.process_time() - begun
        moved = perturb.add(case.pixels, code)
        for view, answer in views(moved, eyes).items():
            if view in case.kept:
                changed.setdefault(view, []).append(answer != case.label)
        psnr.append(psnr_db(case.pixels, moved))
        difference = seen_difference(case.pixels, moved)
        most.append(np.percentile(difference, (99.0, 100.0)))
        seen = smooth_difference(case.pixels, difference)
        smooth += [] if seen is None else [seen]
        entropies.append(entropy_bytes(code))
    return {
        **{f"changed_percent: {view}": round(100 * float(np.mean(c)), 1) for view, c in changed.items()},
        "protected_psnr_mean_db": round(float(np.mean(psnr)), 2),
        "smooth_difference_mean_delta_e": round(float(np.mean(smooth)), 2),
        "difference_99th_percentile_mean_delta_e": round(float(np.mean(most, axis=0)[0]), 2),
        "difference_largest_mean_delta_e": round(float(np.mean(most, axis=0)[1]), 1),
        "code_entropy_bytes": round(float(np.mean(entropies))),
        "processor_seconds": round(seconds / len(photos), 2),
        "photos": len(photos),
    }


def seen_difference(one: Pixels, other: Pixels) -> NDArray[np.float32]:
    """How far two photos differ in each place, as people see colours: the CIE 1976 difference, without what is
    finer than an eye resolves; shape (H, W).
    """
    blurred = (cv2.GaussianBlur(pixels.astype(np.float32) / 255.0, (0, 0), _EYE) for pixels in (one, other))
    lab, other_lab = (cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB) for pixels in blurred)
    return np.linalg.norm(lab - other_lab, axis=2)


def smooth_difference(original: Pixels, difference: NDArray[np.float32]) -> float | None:
    """The mean of a difference where the original is smooth; None where it has hardly any such surface."""
    grey = original.astype(np.float32).mean(axis=2)
    mean = cv2.blur(grey, _AROUND)
    is_smooth = cv2.blur(grey * grey, _AROUND) - mean * mean < _SMOOTH**2
    if is_smooth.mean() < _LEAST_SMOOTH:
        return None
    return float(difference[is_smooth].mean())


def refine(refiner: Refiner, pixels: Pixels, strength_db: float, rounds: int) -> NDArray[np.int8]:
    low, high = (torch.from_numpy(bound)[None].float() for bound in perturb.headroom(pixels))
    images = [torch.from_numpy(down(pixels, eye.side))[None].float() for eye in refiner.eyes]
    code = torch.zeros_like(low)
    for made in range(rounds):
        code = refiner(images, low, high, torch.tensor([[strength_db]]), code, torch.tensor([[made]]))
    return code[0].numpy().astype(np.int8)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.refiner_search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--limit", type=int, default=24, help="photos (default: 24)")
    parser.add_argument("--db", type=float, action="append", help="strengths (default: 42 and 38)")
    parser.add_argument("--idea", action="append", help="only ideas whose name holds this; repeatable")
    parser.add_argument("--out", type=Path, default=RESULTS, help="JSON to add the rows to (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(width=200)
    rows = json.loads(arguments.out.read_text())["rows"] if arguments.out.is_file() else {}
    eyes = Eyes()
    photos = list(cases(data_root(arguments.data), eyes, arguments.limit))
    begun = time.monotonic()
    for name, idea in IDEAS.items():
        if arguments.idea and not any(part in name for part in arguments.idea):
            continue
        for db in arguments.db or (42.0, 38.0):
            key = f"{name}, {db:g} dB"
            if key not in rows:
                rows[key] = {**measure(idea, db, photos, eyes), "idea": asdict(idea)}
                minutes = (time.monotonic() - begun) / 60
                data = f"imagenet-sample, even index, {len(photos)} photos that all three networks label correctly"
                arguments.out.parent.mkdir(parents=True, exist_ok=True)
                report = {"rows": rows, "provenance": provenance(0, minutes, data)}
                arguments.out.write_text(json.dumps(report, indent=1) + "\n")
            console.print(key, {k: v for k, v in rows[key].items() if k != "idea"})


if __name__ == "__main__":
    run(main)
