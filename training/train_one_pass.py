"""Trains the one-pass tier: generator and recoverer together, against a frozen classifier.

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
from safetensors.torch import save_file
from torch import Tensor, nn

from services.imaging import perturb
from services.imaging.resample import WORKING_SIZE, down
from training.data.photos import caltech101, data_root
from training.losses import margin_loss, recovery_loss
from training.models.grid import Up, headroom, round_through
from training.models.one_pass import Generator, OnePassConfig, Quantiser, Recoverer
from training.provenance import provenance

CONSOLE = Console()
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Recipe:
    """What a run does; the defaults are the shipped model's."""

    steps: int = 1100
    #: Then the recoverer goes on alone, on photos of many sizes through the product's own pixel path: cheap, for the
    #: classifier is not asked and the generator stays.
    recoverer_steps: int = 300
    batch: int = 16
    learning_rate: float = 1e-3
    confidence: float = 4.0
    recovery_weight: float = 30.0
    #: The perturbation starts this many dB stronger, and comes down over the first part of the run.
    head_start_db: float = 5.0
    #: ... and the recovery loss starts at this share of its weight: what is easy to recover is easy to ignore, too.
    head_start_recovery: float = 0.1
    head_start_share: float = 0.5
    seed: int = 0
    threads: int = 2


class Run:
    """Everything a training run carries from step to step."""

    def __init__(self, config: OnePassConfig, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.config, self.recipe = config, recipe
        self.generator, self.recoverer = Generator(config), Recoverer(config)
        for network in (self.generator, self.recoverer):
            network.to(memory_format=torch.channels_last)
        self.classifier = self.generator.encoder
        self.quantiser, self.up = Quantiser(config), Up()
        self.parameters = [p for n in (self.generator, self.recoverer) for p in n.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=recipe.learning_rate)
        self.random = np.random.default_rng(recipe.seed)
        self.step = 0
        self.minutes = 0.0

    def last_step(self) -> int:
        return self.recipe.steps + self.recipe.recoverer_steps

    def is_joint(self) -> bool:
        """Whether generator and recoverer are still trained together."""
        return self.step < self.recipe.steps

    def learning_rate(self) -> float:
        """Linear warm-up over 100 steps, then a cosine to a hundredth; once for both, once for the recoverer alone."""
        first, length = (0, self.recipe.steps) if self.is_joint() else (self.recipe.steps, self.recipe.recoverer_steps)
        done = self.step - first
        warm = min(1.0, (done + 1) / 100)
        fall = 0.5 * (1.0 + math.cos(math.pi * done / length))
        return self.recipe.learning_rate * warm * (0.01 + 0.99 * fall)

    def ramp(self) -> float:
        """How much of the head start is over, 0..1."""
        return min(1.0, self.step / (self.recipe.steps * self.recipe.head_start_share))

    def strength_db(self) -> float:
        return self.config.strength_db - self.recipe.head_start_db * (1.0 - self.ramp())

    def recovery_weight(self) -> float:
        start = self.recipe.head_start_recovery
        return self.recipe.recovery_weight * (start + (1.0 - start) * self.ramp())

    def protect(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Codes and protected photos as they ship (rounded, not clipped), and the classifier's answer before."""
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            features = self.classifier.features(x)
            logits = self.classifier.logits(features[-1]).float()
        with torch.autocast("cpu", torch.bfloat16):
            raw = self.generator.decode(x, features, torch.softmax(logits, dim=1))
        lower, upper = headroom(x)
        code = self.quantiser(x, raw.float(), lower, upper)
        return code, x + round_through(self.up(code)), logits.argmax(dim=1)

    def joint_losses(self, x: Tensor) -> dict[str, Tensor]:
        """Attack and recovery on a batch, while both learn."""
        code, protected, label = self.protect(x)
        logits = self.classifier(protected.contiguous(memory_format=torch.channels_last))
        return self.recovery(protected, code) | {
            "attack": margin_loss(logits, label, self.recipe.confidence).mean(),
            "changed": (logits.argmax(dim=1) != label).float().mean(),
            "mse": (protected - x).square().mean(),
        }

    def recovery(self, protected: Tensor, code: Tensor) -> dict[str, Tensor]:
        """What the recoverer makes of protected working images."""
        with torch.autocast("cpu", torch.bfloat16):
            estimate = self.recoverer(protected).float()
        read = self.quantiser.nearest(estimate)
        return {
            "recovery": recovery_loss(estimate, code).mean(),
            "cells_exact": (read == code).float().mean(),
            "restored_mse": self.up(read - code).square().mean(),
        }

    @torch.no_grad()
    def shipped(self, photos: list[Pixels]) -> tuple[Tensor, Tensor]:
        """Protected working images and codes, as the services make them of photos of any size."""
        bounds = [perturb.headroom(photo) for photo in photos]
        lower, upper = (torch.from_numpy(np.stack(side)).float() for side in zip(*bounds, strict=True))
        x = _working(photos)
        with torch.autocast("cpu", torch.bfloat16):
            raw = self.generator(x)
        code = self.quantiser(x, raw.float(), lower, upper)
        codes = code.numpy().astype(np.int8)
        return _working([perturb.add(p, c) for p, c in zip(photos, codes, strict=True)]), code

    def train_step(self, photos: NDArray[np.uint8]) -> dict[str, float]:
        self.quantiser.rms = 255.0 * 10.0 ** (-self.strength_db() / 20.0)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        found = (
            self.joint_losses(self.batch(photos))
            if self.is_joint()
            else self.recovery(*self.shipped(self.resized(photos)))
        )
        loss = self.recovery_weight() * found["recovery"]
        if "attack" in found:
            loss = loss + found["attack"]
        # Gradients are set to None, so Adam leaves the generator as it is once nothing reaches it.
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimiser.step()
        self.step += 1
        return {name: float(value.detach()) for name, value in found.items()}

    def batch(self, photos: NDArray[np.uint8]) -> Tensor:
        """Random crops, half of them mirrored; shape (batch, 3, WORKING_SIZE, WORKING_SIZE), levels."""
        room = photos.shape[1] - WORKING_SIZE
        crops = []
        for index in self.random.integers(len(photos), size=self.recipe.batch):
            top, left = self.random.integers(room + 1, size=2)
            crop = photos[index, top : top + WORKING_SIZE, left : left + WORKING_SIZE]
            crops.append(crop[:, ::-1] if self.random.random() < 0.5 else crop)
        x = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
        return x.float().contiguous(memory_format=torch.channels_last)

    def resized(self, photos: NDArray[np.uint8]) -> list[Pixels]:
        """Whole photos brought to random sizes and aspects, from the working size to about twice that."""
        chosen = photos[np.sort(self.random.integers(len(photos), size=self.recipe.batch))]
        sides = self.random.integers(WORKING_SIZE, 480, size=(self.recipe.batch, 2))
        return [
            cv2.resize(photo, (int(w), int(h)), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
            for photo, (h, w) in zip(chosen, sides, strict=True)
        ]

    def trainable(self) -> dict[str, Tensor]:
        """The weights to ship; the frozen encoder's come with its own package."""
        found = {f"generator.{k}": v for k, v in self.generator.state_dict().items() if not k.startswith("encoder.")}
        return found | {f"recoverer.{k}": v for k, v in self.recoverer.state_dict().items()}

    def save(self, folder: Path) -> None:
        """Writes the checkpoint and the weights; a crash leaves the previous ones."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "generator": {k: v for k, v in self.generator.state_dict().items() if not k.startswith("encoder.")},
            "recoverer": self.recoverer.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.random.bit_generator.state,
            "step": self.step,
            "minutes": self.minutes,
            "recipe": asdict(self.recipe),
            "config": asdict(self.config),
        }
        torch.save(state, folder / "checkpoint.partial")
        (folder / "checkpoint.partial").rename(folder / "checkpoint.pt")
        save_file({k: v.contiguous() for k, v in self.trainable().items()}, folder / "one_pass.safetensors")

    def load(self, folder: Path) -> None:
        state = torch.load(folder / "checkpoint.pt", weights_only=False)
        self.generator.load_state_dict(state["generator"], strict=False)
        self.recoverer.load_state_dict(state["recoverer"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.random.bit_generator.state = state["random"]
        self.step, self.minutes = state["step"], state["minutes"]


def _working(photos: list[Pixels]) -> Tensor:
    x = torch.from_numpy(np.stack([down(photo) for photo in photos])).float()
    return x.contiguous(memory_format=torch.channels_last)


def psnr_db(mse: float) -> float:
    return 10.0 * math.log10(255.0**2 / mse) if mse > 0 else math.inf


def train(run: Run, photos: NDArray[np.uint8], folder: Path, every: int = 50) -> None:
    """Trains to the recipe's last step, with a log line and a checkpoint on the way."""
    begun = time.monotonic() - run.minutes * 60
    recent: list[dict[str, float]] = []
    while run.step < run.last_step():
        recent.append(run.train_step(photos))
        if run.step % every == 0 or run.step in (run.recipe.steps, run.last_step()):
            run.minutes = (time.monotonic() - begun) / 60
            line = progress(run, recent)
            CONSOLE.print(line)
            with (folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            run.save(folder)
            recent = []


def progress(run: Run, recent: list[dict[str, float]]) -> dict[str, float]:
    """A log line: means over the steps since the last one."""
    mean = {name: sum(r[name] for r in recent) / len(recent) for name in recent[0]}
    line = {
        "step": run.step,
        "minutes": round(run.minutes, 2),
        "restored_psnr_db": round(psnr_db(mean["restored_mse"]), 2),
        "cells_exact_percent": round(100 * mean["cells_exact"], 2),
        "recovery": round(mean["recovery"], 4),
    }
    if "attack" in mean:
        line |= {
            "protected_psnr_db": round(psnr_db(mean["mse"]), 2),
            "changed_percent": round(100 * mean["changed"], 1),
            "attack": round(mean["attack"], 3),
        }
    return line


def ship(run: Run, source: Path, target: Path) -> None:
    """Puts the finished weights, their shape and the run's log where the export looks for them."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("one_pass.safetensors", "log.jsonl"):
        shutil.copyfile(source / name, target / name)
    (target / "config.json").write_text(json.dumps(asdict(run.config), indent=2) + "\n")
    data = "Caltech-101 but its test split, random crops of 224 from 256"
    record = {"recipe": asdict(run.recipe), "provenance": provenance(run.recipe.seed, run.minutes, data)}
    (target / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    CONSOLE.print(f"weights in {target}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--out", type=Path, default=Path("training/runs/one_pass"), help="folder of the run")
    parser.add_argument("--cache", type=Path, default=Path("training/runs/cache"), help="folder for decoded photos")
    parser.add_argument("--weights", type=Path, help="folder to put the finished weights in, with config and log")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="steps of both (default: %(default)s)")
    parser.add_argument(
        "--recoverer-steps",
        type=int,
        default=Recipe.recoverer_steps,
        help="of the recoverer alone (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, default=Recipe.threads, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    recipe = Recipe(steps=arguments.steps, recoverer_steps=arguments.recoverer_steps, threads=arguments.threads)
    torch.set_num_threads(recipe.threads)
    run = Run(OnePassConfig(), recipe)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if (arguments.out / "checkpoint.pt").is_file():
        run.load(arguments.out)
        CONSOLE.print(f"resuming at step {run.step}")
    split = caltech101(data_root(arguments.data), arguments.cache)
    train(run, split.train, arguments.out)
    if arguments.weights is not None:
        ship(run, arguments.out, arguments.weights)


if __name__ == "__main__":
    main()
