"""Trains the one-pass tier's recoverer on photos that the protector protects, as they are and as platforms leave them.

Run it again after an interruption: it goes on from the last checkpoint in the run's folder.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from safetensors.torch import save_file
from torch import Tensor, nn

from services.imaging import perturb
from services.imaging.pipeline import STRENGTHS_DB
from services.imaging.receipt import Tier
from services.imaging.resample import WORKING_SIZE, down
from services.inference.backend import CLASSIFIER_SIDES
from training.command import run
from training.data.photos import caltech101, data_root
from training.jpeg import jpeg_pixels
from training.losses import recovery_loss
from training.models.classifiers import load_classifier
from training.models.recoverer import Recoverer, RecovererConfig
from training.models.served import ServedProtector
from training.models.shipped import refiner
from training.provenance import provenance

CONSOLE = Console()
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Recipe:
    """What a run does; the defaults are the shipped model's."""

    steps: int = 900
    batch: int = 16
    learning_rate: float = 1e-3
    #: Share of the photos that reach the recoverer as they were protected; the others went through a platform.
    intact: float = 0.25
    #: The platform's JPEG qualities.
    qualities: tuple[int, int] = (60, 96)
    #: It shrinks half of its photos to a size of at least this share.
    least_size: float = 0.6
    #: Sides of the protected photos, in pixels.
    sides: tuple[int, int] = (WORKING_SIZE, 416)
    seed: int = 0


@dataclass(frozen=True)
class Pairs:
    """Photos, shape (N, S, S, 3), uint8, and the codes that the protector wrote for them, (N, 3, G, G), int8."""

    photos: NDArray[np.uint8]
    codes: NDArray[np.int8]


class Run:
    """Everything a training run carries from step to step."""

    def __init__(self, config: RecovererConfig, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.config, self.recipe = config, recipe
        self.recoverer = Recoverer(config).to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(self.recoverer.parameters(), lr=recipe.learning_rate)
        self.random = np.random.default_rng(recipe.seed)
        self.step = 0
        self.minutes = 0.0

    def learning_rate(self) -> float:
        """Linear warm-up over 100 steps, then a cosine to a hundredth."""
        warm = min(1.0, (self.step + 1) / 100)
        fall = 0.5 * (1.0 + math.cos(math.pi * self.step / self.recipe.steps))
        return self.recipe.learning_rate * warm * (0.01 + 0.99 * fall)

    def train_step(self, pairs: Pairs) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        x, code = self.batch(pairs)
        with torch.autocast("cpu", torch.bfloat16):
            estimate = self.recoverer(x).float()
        loss = recovery_loss(estimate, code)
        self.optimiser.zero_grad(set_to_none=True)
        loss.mean().backward()
        nn.utils.clip_grad_norm_(self.recoverer.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        return {"recovery": float(loss.mean().detach())}

    def batch(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Working images of protected photos, (N, 3, S, S), levels, and the codes in them, (N, 3, G, G)."""
        made = [self.example(pairs, index) for index in self.random.integers(len(pairs.photos), size=self.recipe.batch)]
        images, codes = (torch.from_numpy(np.stack(side)).float() for side in zip(*made, strict=True))
        return images.contiguous(memory_format=torch.channels_last), codes

    def example(self, pairs: Pairs, index: int) -> tuple[Pixels, NDArray[np.int8]]:
        """One photo at a random size, protected by the product's own arithmetic, on a random way."""
        photo, code = pairs.photos[index], pairs.codes[index]
        if self.random.random() < 0.5:
            photo, code = photo[:, ::-1], code[..., ::-1]
        height, width = self.random.integers(*self.recipe.sides, size=2)
        photo = cv2.resize(photo, (int(width), int(height)), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
        # The code was made for the photo's working image; at another size a few cells have less room.
        code = np.clip(code, *perturb.headroom(photo))
        protected = perturb.add(photo, code)
        if self.random.random() >= self.recipe.intact:
            protected = self.platform(protected)
        return down(protected), code

    def platform(self, pixels: Pixels) -> Pixels:
        """What a platform leaves of a photo: smaller, half of the time, and a JPEG."""
        if self.random.random() < 0.5:
            share = self.random.uniform(self.recipe.least_size, 1.0)
            pixels = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA).astype(np.uint8)
        return jpeg_pixels(pixels, int(self.random.integers(*self.recipe.qualities)))

    def save(self, folder: Path) -> None:
        """Writes the checkpoint and the weights; a crash leaves the previous ones."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "recoverer": self.recoverer.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.random.bit_generator.state,
            "step": self.step,
            "minutes": self.minutes,
        }
        torch.save(state, folder / "checkpoint.partial")
        (folder / "checkpoint.partial").rename(folder / "checkpoint.pt")
        weights = {name: value.contiguous() for name, value in self.recoverer.state_dict().items()}
        save_file(weights, folder / "recoverer.safetensors")

    def load(self, folder: Path) -> None:
        state = torch.load(folder / "checkpoint.pt", weights_only=False)
        self.recoverer.load_state_dict(state["recoverer"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.random.bit_generator.state = state["random"]
        self.step, self.minutes = state["step"], state["minutes"]


def write_codes(photos: NDArray[np.uint8], kept: Path) -> NDArray[np.int8]:
    """The protector's codes for whole photos; kept in a file, for they take a tenth of a second each."""
    if kept.is_file():
        codes: NDArray[np.int8] = np.load(kept)
        if len(codes) == len(photos):
            return codes
        raise ValueError(f"{kept} holds {len(codes)} codes for {len(photos)} photos: delete it")
    networks: dict[str, nn.Module] = {name: load_classifier(variant) for variant, name in enumerate(CLASSIFIER_SIDES)}
    protector = ServedProtector(refiner(Tier.ONE_PASS, networks))
    written = [_code(protector, photo) for photo in track(photos, description="Protecting the photos")]
    kept.parent.mkdir(parents=True, exist_ok=True)
    codes = np.stack(written)
    with kept.with_suffix(".partial").open("wb") as file:
        np.save(file, codes)
    kept.with_suffix(".partial").rename(kept)
    return codes


def _code(protector: ServedProtector, photo: Pixels) -> NDArray[np.int8]:
    inputs = (torch.from_numpy(array)[None] for array in (down(photo), *perturb.headroom(photo)))
    code: NDArray[np.int8] = protector(*inputs, torch.tensor([[STRENGTHS_DB[Tier.ONE_PASS]]]))[0].numpy()
    return code


def train(run: Run, pairs: Pairs, folder: Path, every: int = 50) -> None:
    """Trains to the recipe's last step, with a log line and a checkpoint on the way."""
    begun = time.monotonic() - run.minutes * 60
    recent: list[float] = []
    while run.step < run.recipe.steps:
        recent.append(run.train_step(pairs)["recovery"])
        if run.step % every == 0 or run.step == run.recipe.steps:
            run.minutes = (time.monotonic() - begun) / 60
            # 0 dB: as far from the original as the protected photo is; more: nearer to it.
            gain = -10 * math.log10(sum(recent) / len(recent))
            line = {"step": run.step, "minutes": round(run.minutes, 2), "code_gain_db": round(gain, 2)}
            CONSOLE.print(line)
            with (folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            run.save(folder)
            recent = []


def ship(run: Run, source: Path, target: Path) -> None:
    """Puts the finished weights, their shape and the run's log where the export looks for them."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("recoverer.safetensors", "log.jsonl"):
        shutil.copyfile(source / name, target / name)
    (target / "config.json").write_text(json.dumps(asdict(run.config), indent=2) + "\n")
    data = "Caltech-101 but its test split, squashed to 256 pixels a side and brought to random sizes"
    record = {"recipe": asdict(run.recipe), "provenance": provenance(run.recipe.seed, run.minutes, data)}
    (target / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    CONSOLE.print(f"weights in {target}")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.train_recoverer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--out", type=Path, default=Path("training/runs/recoverer"), help="folder of the run")
    parser.add_argument("--cache", type=Path, default=Path("training/runs/cache"), help="folder for decoded photos")
    parser.add_argument("--weights", type=Path, help="folder to put the finished weights in, with config and log")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="steps (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    run = Run(RecovererConfig(), Recipe(steps=arguments.steps))
    arguments.out.mkdir(parents=True, exist_ok=True)
    if (arguments.out / "checkpoint.pt").is_file():
        run.load(arguments.out)
        CONSOLE.print(f"resuming at step {run.step}")
    photos = caltech101(data_root(arguments.data), arguments.cache).train
    train(run, Pairs(photos, write_codes(photos, arguments.out / "codes.npy")), arguments.out)
    if arguments.weights is not None:
        ship(run, arguments.out, arguments.weights)


if __name__ == "__main__":
    run(main)
