"""Measures both tiers on photos that the classifier labels correctly with confidence, with the controls beside them.

Every photo goes through the product's own codec, pipeline and embedded backend, and is measured as stored in 8 bits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from services.evaluation.metrics import psnr_db
from services.imaging import codec, perturb, pipeline
from services.imaging.photo import Photo
from services.imaging.receipt import Tier
from services.imaging.resample import down
from services.inference.embedded import EmbeddedBackend
from training import controls
from training.data.photos import data_root, development_photos
from training.models.classifiers import load_classifier
from training.provenance import provenance

CLASSIFIER = "classifier_efficientnet_lite0"
CONFIDENCE = 0.3
SEED = 0

Pixels = NDArray[np.uint8]
View = Callable[[Pixels], Awaitable[NDArray[np.float32]]]


@dataclass
class Tally:
    """What was seen of one kind of perturbation over the photos."""

    changed: list[bool] = field(default_factory=list)
    protected_db: list[float] = field(default_factory=list)
    restored_db: list[float] = field(default_factory=list)
    label_back: list[bool] = field(default_factory=list)

    def figures(self) -> dict[str, float | int | list[float]]:
        """Numbers with units in their names. Mean dB are over photos; the pooled one is of the mean squared error."""
        found: dict[str, float | int | list[float]] = {
            "photos": len(self.changed),
            "attack_success_rate_percent": round(100 * float(np.mean(self.changed)), 1),
            "attack_success_rate_interval_percent": wilson(sum(self.changed), len(self.changed)),
            "protected_psnr_mean_db": round(float(np.mean(self.protected_db)), 2),
            "protected_psnr_least_db": round(float(np.min(self.protected_db)), 2),
        }
        if self.restored_db:
            errors = [10 ** (-db / 10) for db in self.restored_db]  # 0 where bit-exact
            pooled = -10 * math.log10(float(np.mean(errors))) if any(errors) else None
            found |= {
                "restored_bit_exact_percent": round(100 * float(np.mean([e == 0 for e in errors])), 1),
                "restored_psnr_median_db": finite(float(np.median(self.restored_db))),
                "restored_psnr_least_db": finite(float(np.min(self.restored_db))),
                "label_back_percent": round(100 * float(np.mean(self.label_back)), 1),
            } | ({} if pooled is None else {"restored_psnr_pooled_db": round(pooled, 2)})
        return found


def finite(db: float) -> float | str:
    return "infinite" if math.isinf(db) else round(db, 2)  # JSON has no infinity


def wilson(successes: int, n: int) -> list[float]:
    """95 % interval of a share, in percent (Wilson, 1927)."""
    z = 1.96
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return [round(100 * max(0.0, centre - half), 1), round(100 * min(1.0, centre + half), 1)]


class Evaluation:
    """One pass over the photos, for one tier."""

    def __init__(self, backend: EmbeddedBackend, tier: Tier) -> None:
        self.backend, self.tier = backend, tier
        self.random = np.random.default_rng(SEED)
        self.tallies: dict[str, Tally] = {}
        self.other: NDArray[np.int8] | None = None
        self.views: dict[str, View] = {"centre crop": self.answer_to_centre} | {
            f"unseen classifier: EfficientNet-Lite{variant}": unseen_classifier(variant) for variant in (1, 2)
        }

    async def answer(self, pixels: Pixels) -> NDArray[np.float32]:
        """The classifier's probabilities for a photo."""
        found = await self.backend.infer(CLASSIFIER, {"INPUT__0": down(pixels)[None]})
        return found.tensors["OUTPUT__0"][0].astype(np.float32)

    async def measure(self, photo: Photo, label: int) -> None:
        protected = await pipeline.protect(photo, self.tier, self.backend)
        stored = codec.decode(codec.encode(protected.photo, "image/png").data)
        restored = await pipeline.restore(stored, protected.receipt, self.backend)
        tally = await self._note(str(self.tier.value), photo, stored.pixels, label)
        tally.restored_db.append(psnr_db(photo.pixels, restored.photo.pixels))
        tally.label_back.append(int((await self.answer(restored.photo.pixels)).argmax()) == label)
        for name, view in self.views.items():
            await self._note(name, photo, stored.pixels, label, view)
        await self._note("stored as it came", photo, codec.decode(codec.encode(protected.photo).data).pixels, label)
        await self._controls(photo, protected.code, tally.protected_db[-1], label)
        self.other = protected.code

    async def _controls(self, photo: Photo, code: NDArray[np.int8], db: float, label: int) -> None:
        lower, upper = perturb.headroom(photo.pixels)
        rms = 255.0 * 10.0 ** (-db / 20.0)
        shapes = {"control: stripes": controls.stripes(), "control: random code": controls.random_code(self.random)}
        if self.other is not None:
            shapes["control: another photo's code"] = self.other.astype(np.float64)
        for name, shape in shapes.items():
            moved = perturb.add(photo.pixels, controls.at_strength(shape, rms, lower, upper))
            await self._note(name, photo, moved, label)

    async def _note(self, name: str, photo: Photo, pixels: Pixels, label: int, view: View | None = None) -> Tally:
        """Notes whether the label is lost. Another view counts the photos in which it finds the label before."""
        tally = self.tallies.setdefault(name, Tally())
        answer = view or self.answer
        if view is None or int((await view(photo.pixels)).argmax()) == label:
            tally.changed.append(int((await answer(pixels)).argmax()) != label)
            tally.protected_db.append(psnr_db(photo.pixels, pixels))
        return tally

    async def answer_to_centre(self, pixels: Pixels) -> NDArray[np.float32]:
        """The classifier's probabilities for the photo's central square."""
        return await self.answer(centre(pixels))


def unseen_classifier(variant: int) -> View:
    """EfficientNet-Lite of another variant, on photos squashed to its own input size."""
    classifier, side = load_classifier(variant), {1: 240, 2: 260}[variant]

    async def answer(pixels: Pixels) -> NDArray[np.float32]:
        image = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
        with torch.no_grad():
            logits = classifier(torch.from_numpy(image).permute(2, 0, 1)[None].float())[0]
        return logits.numpy()

    return answer


def centre(pixels: Pixels) -> Pixels:
    """The photo's central square."""
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def photos(root: Path, limit: int) -> Iterator[tuple[Photo, int]]:
    """Development photos and their labels, evenly spread where a limit asks for fewer."""
    paths, labels = development_photos(root)
    chosen = np.linspace(0, len(paths) - 1, min(limit, len(paths))).round().astype(int)
    for index in track(chosen, description="Measuring"):
        yield codec.decode(paths[index].read_bytes()), int(labels[index])


async def evaluate(root: Path, repository: Path, limit: int) -> dict[str, object]:
    backend = EmbeddedBackend(repository)
    evaluations = [Evaluation(backend, tier) for tier in Tier]
    for photo, label in photos(root, limit):
        before = await evaluations[0].answer(photo.pixels)
        if int(before.argmax()) == label and before.max() > CONFIDENCE:
            for evaluation in evaluations:
                await evaluation.measure(photo, label)
    await backend.close()
    return {
        e.tier.value: {name: tally.figures() for name, tally in e.tallies.items()} for e in evaluations
    }  # fmt: skip


def show(tiers: dict[str, object]) -> None:
    table = Table(
        "tier", "perturbation", "ASR %", "95 % interval", "protected dB", "restored", title="Development photos"
    )
    for tier, rows in tiers.items():
        assert isinstance(rows, dict)
        for name, f in rows.items():
            restored = f"{f['restored_bit_exact_percent']} % exact" if "restored_bit_exact_percent" in f else ""
            if "restored_psnr_pooled_db" in f:
                restored += f", {f['restored_psnr_pooled_db']} dB pooled"
            interval = "{}-{}".format(*f["attack_success_rate_interval_percent"])
            rate, db = f["attack_success_rate_percent"], f["protected_psnr_mean_db"]
            table.add_row(tier, name, str(rate), interval, str(db), restored)
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--repository", type=Path, default=Path("triton_models"), help="model repository to measure")
    parser.add_argument("--limit", type=int, default=500, help="at most this many photos (default: 500)")
    parser.add_argument("--out", type=Path, default=Path("training/results/photo/development.json"))
    arguments = parser.parse_args()
    begun = time.monotonic()
    tiers = asyncio.run(evaluate(data_root(arguments.data), arguments.repository, arguments.limit))
    minutes = (time.monotonic() - begun) / 60
    data = f"imagenet-sample, {arguments.limit} photos at most, {CLASSIFIER} right with confidence > {CONFIDENCE}"
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    report = {"tiers": tiers, "provenance": provenance(SEED, minutes, data)}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    show(tiers)
    Console().print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
