"""Trains a target classifier on a data set, and puts its weights where the experiments look for them.

Run it again after an interruption: it goes on from the last checkpoint, bit for bit. Under torchrun each process takes
its share of every batch.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.labelled import Batches, LabelledImages, batches, images_of, training_batches, unit_range
from training.data.photos import data_root
from training.distributed import World, world
from training.models.target import WEIGHTS, build_target
from training.provenance import provenance

CONSOLE = Console()


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained; the defaults are LeNet-5's on MNIST."""

    dataset: str = "mnist"
    network: str = "lenet5"
    epochs: int = 12
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    seed: int = 0


class Training:
    """A classifier on its way."""

    def __init__(self, recipe: Recipe, world: World) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.world = recipe, world
        self.network = build_target(recipe.dataset, recipe.network)
        self.shared = world.share(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.step = 0
        self.minutes = 0.0

    def train_step(self, x: Tensor, label: Tensor, progress: float) -> Tensor:
        """One step; the batch's mean loss before it. progress: how far the run is, 0..1."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
        self.shared.train()
        with self.world.autocast():
            loss = F.cross_entropy(self.shared(x).float(), label)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        return loss.detach()

    def save(self, folder: Path) -> None:
        """Writes the checkpoint whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "minutes": self.minutes,
            "recipe": asdict(self.recipe),
            # Dropout draws from the global generator.
            "random": torch.get_rng_state(),
        }
        torch.save(state, folder / "checkpoint.partial")
        (folder / "checkpoint.partial").rename(folder / "checkpoint.pt")

    def load(self, folder: Path) -> None:
        """Goes on from a checkpoint.

        Raises:
            ValueError: the checkpoint is of another recipe.
        """
        state = torch.load(folder / "checkpoint.pt", map_location=self.world.device, weights_only=False)
        if state["recipe"] != asdict(self.recipe):
            raise ValueError(f"{folder} holds a run of another recipe: name another folder with --out, or delete it")
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"].cpu())
        self.step, self.minutes = state["step"], state["minutes"]


def train(training: Training, data: Batches, folder: Path) -> None:
    """Trains to the recipe's end; a checkpoint and a line of log an epoch."""
    recipe, this = training.recipe, training.world
    per_epoch = len(data) // recipe.batch
    last = per_epoch * recipe.epochs
    begun = time.monotonic() - training.minutes * 60
    recent: list[Tensor] = []
    with Progress(console=CONSOLE, disable=this.rank != 0) as bar:
        task = bar.add_task(recipe.network, total=last, completed=training.step)
        for x, label in batches(data, recipe.batch, recipe.epochs, recipe.seed, this, training.step):
            recent.append(training.train_step(x, label, training.step / last))
            bar.advance(task)
            if training.step % per_epoch == 0 and this.rank == 0:
                training.minutes = (time.monotonic() - begun) / 60
                CONSOLE.print(
                    {"epoch": training.step // per_epoch, "loss": round(float(torch.stack(recent).mean()), 5)}
                )
                training.save(folder)
                recent = []


@torch.no_grad()
def error_percent(network: nn.Module, images: LabelledImages, batch: int = 250) -> float:
    """The share of images that the network misclassifies."""
    wrong = 0
    for start in range(0, len(images.labels), batch):
        part = slice(start, start + batch)
        wrong += int((network(unit_range(images.images[part])).argmax(dim=1) != images.labels[part]).sum())
    return 100.0 * wrong / len(images.labels)


def ship(training: Training, data: Path, target: Path) -> None:
    """Puts the finished weights and their record where :func:`load_target` looks."""
    network = training.network.eval().cpu()
    recipe = training.recipe
    tests = images_of(recipe.dataset, data, "test")
    record = {
        "recipe": asdict(recipe),
        "clean_error_percent": error_percent(network, tests),
        "test_images": len(tests.labels),
        "provenance": provenance(recipe.seed, training.minutes, f"{recipe.dataset}, its training split"),
    }
    target.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, target / "weights.safetensors")
    (target / "record.json").write_text(json.dumps(record, indent=2) + "\n")
    CONSOLE.print(f"{target}: {record['clean_error_percent']:.2f} % of {record['test_images']} test images are misread")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default=Recipe.dataset, help="(default: %(default)s)")
    parser.add_argument("--network", default=Recipe.network, help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs, help="(default: %(default)s)")
    parser.add_argument("--batch", type=int, default=Recipe.batch, help="(default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=Recipe.learning_rate, help="(default: %(default)s)")
    parser.add_argument("--weight-decay", type=float, default=Recipe.weight_decay, help="(default: %(default)s)")
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = Recipe(
        arguments.dataset, arguments.network, arguments.epochs, arguments.batch, arguments.learning_rate,
        arguments.weight_decay,
    )  # fmt: skip
    data, name = data_root(arguments.data), f"{recipe.dataset}-{recipe.network}"
    folder = Path("training/runs/classifiers") / name
    folder.mkdir(parents=True, exist_ok=True)
    with world() as this:
        training = Training(recipe, this)
        if (folder / "checkpoint.pt").is_file():
            training.load(folder)
        train(training, training_batches(recipe.dataset, data), folder)
        if this.rank == 0:
            ship(training, data, WEIGHTS / name)


if __name__ == "__main__":
    main()
