"""Trains a target classifier on a data set, and puts its weights where the experiments look for them.

A network whose body is published (an EfficientNet-Lite, mobilenetv2, thin-resnet50) gets a linear head on its features,
or with --whole is fine-tuned in every layer; the other networks are trained from scratch, and learn from a teacher's
answers too where one is named. Run it again after an interruption: it goes on from the last checkpoint, bit for bit.
Under torchrun each process takes its share of every batch.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn
from torch.nn import functional as F

from training.classifier_head import train_head
from training.classifier_recipe import HeadRecipe, Recipe, default_head_recipe, default_recipe
from training.classifier_weights import ship
from training.command import run
from training.data.caltech import caltech
from training.data.labelled import Batches, batches, training_batches
from training.data.photos import data_root
from training.distributed import World, world
from training.models.target import WEIGHTS, build_target, load_target
from training.models.target_photo import HEADED, HeadedTarget

CONSOLE = Console()


class Training:
    """A classifier on its way.

    Args:
        teacher: frozen, images in [0, 1] to logits over the same classes; None for none.
    """

    def __init__(self, recipe: Recipe, world: World, teacher: nn.Module | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.world = recipe, world
        self.network = build_target(recipe.dataset, recipe.network).requires_grad_(True)
        self.shared = world.share(self.network)
        self.teacher = None if teacher is None else teacher.to(world.device)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.step = 0
        self.minutes = 0.0

    def train_step(self, x: Tensor, label: Tensor, progress: float) -> Tensor:
        """One step; the batch's mean loss before it. progress: how far the run is, 0..1."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
        # Dropout's chance depends on the step alone, so that a run goes on as it would have, on any device.
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)
        self.shared.train()
        with self.world.autocast():
            logits = self.shared(self.shrunk(x, progress))
            with torch.no_grad():
                taught = None if self.teacher is None else self.teacher(x)
        loss = self.loss(logits.float(), label, taught)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        return loss.detach()

    def shrunk(self, x: Tensor, progress: float) -> Tensor:
        """The images at the side that the network is shown at this point of the run."""
        recipe = self.recipe
        if recipe.small_side == 0 or progress >= recipe.small_share:
            return x
        return F.interpolate(x, size=(recipe.small_side, recipe.small_side), mode="area")

    def loss(self, logits: Tensor, label: Tensor, taught: Tensor | None) -> Tensor:
        """Cross-entropy with the labels, and with a teacher's answers (Hinton et al. 2015); shape ()."""
        known = F.cross_entropy(logits, label)
        if taught is None:
            return known
        temperature, share = self.recipe.temperature, self.recipe.teacher_share
        own, others = (F.log_softmax(found.float() / temperature, dim=1) for found in (logits, taught))
        # The square keeps the gradient's size, which falls with the temperature's square.
        told = temperature**2 * F.kl_div(own, others, reduction="batchmean", log_target=True)
        return (1.0 - share) * known + share * told

    def save(self, folder: Path) -> None:
        """Writes the checkpoint whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "minutes": self.minutes,
            "recipe": asdict(self.recipe),
        }
        torch.save(state, folder / "checkpoint.partial")
        (folder / "checkpoint.partial").rename(folder / "checkpoint.pt")

    def load(self, folder: Path) -> None:
        """Goes on from a checkpoint.

        Raises:
            ValueError: the checkpoint is of another recipe.
        """
        state = torch.load(folder / "checkpoint.pt", map_location=self.world.device, weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            raise ValueError(f"{folder} holds a run of another recipe: name another folder with --out, or delete it")
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.minutes = state["step"], state["minutes"]


def train(training: Training, data: Batches, folder: Path, save_seconds: float = 60.0) -> None:
    """Trains to the recipe's end; a line an epoch goes to log.jsonl, a checkpoint to the folder now and then.

    Raises:
        ValueError: the data set is smaller than a batch.
    """
    recipe, this = training.recipe, training.world
    per_epoch = len(data) // recipe.batch
    if per_epoch == 0:
        raise ValueError(f"{len(data)} training images are no batch of {recipe.batch}: choose a smaller --batch")
    last = per_epoch * recipe.epochs
    begun = saved = time.monotonic()
    before = training.minutes
    recent: list[Tensor] = []
    with Progress(console=CONSOLE, disable=this.rank != 0) as bar:
        task = bar.add_task(recipe.network, total=last, completed=training.step)
        for x, label in batches(data, recipe.batch, recipe.epochs, recipe.seed, this, training.step):
            recent.append(training.train_step(x, label, training.step / last))
            bar.advance(task)
            ends = training.step % per_epoch == 0
            training.minutes = before + (time.monotonic() - begun) / 60
            if this.rank == 0 and (training.step == last or time.monotonic() - saved > save_seconds):
                training.save(folder)
                saved = time.monotonic()
            if ends:
                _log(training, float(torch.stack(recent).mean()), folder, training.step // per_epoch)
                recent = []


def _log(training: Training, loss: float, folder: Path, epoch: int) -> None:
    if training.world.rank == 0:
        line = {"epoch": epoch, "minutes": round(training.minutes, 2), "loss": round(loss, 5)}
        CONSOLE.print(line)
        with (folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")


def trained_whole(recipe: Recipe, data: Path, folder: Path, target: Path) -> None:
    """Trains every layer to the recipe's end, and ships the network."""
    with world() as this:
        _trained_whole(recipe, data, folder, target, this)


def _trained_whole(recipe: Recipe, data: Path, folder: Path, target: Path, this: World) -> None:
    teacher = None if recipe.teacher is None else load_target(recipe.dataset, recipe.teacher)
    training = Training(recipe, this, teacher)
    if (folder / "checkpoint.pt").is_file():
        training.load(folder)
    train(training, training_batches(recipe.dataset, data), folder)
    if this.rank == 0:
        ship(training.network, recipe, training.minutes, {}, data, target)


def trained_head(recipe: HeadRecipe, data: Path, folder: Path, target: Path) -> None:
    """Trains the head of a published body, and ships it."""
    begun = time.monotonic()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = cast(HeadedTarget, build_target(recipe.dataset, recipe.network)).to(device)
    chosen = train_head(recipe, network, caltech(data, recipe.dataset), folder)
    ship(network, recipe, (time.monotonic() - begun) / 60, asdict(chosen), data, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default=Recipe.dataset, help="(default: %(default)s)")
    parser.add_argument("--network", default=Recipe.network, help="(default: %(default)s)")
    parser.add_argument("--whole", action="store_true", help="fine-tune every layer of a published body: for a GPU")
    parser.add_argument("--teacher", help="a trained network whose answers are learned too")
    parser.add_argument("--epochs", type=int, help="instead of the network's usual")
    parser.add_argument("--batch", type=int, help="instead of the network's usual")
    parser.add_argument("--learning-rate", type=float, help="instead of the network's usual")
    parser.add_argument("--weight-decay", type=float, help="instead of the network's usual")
    parser.add_argument("--small-side", type=int, help="train on images of so many pixels a side at first: faster")
    parser.add_argument("--small-share", type=float, help="for how much of the run they are small, 0..1")
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--out", type=Path, help="folder of the run (default: training/runs/classifiers/<name>)")
    parser.add_argument("--weights", type=Path, help="folder for the finished weights (default: the repository's)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    name = f"{arguments.dataset}-{arguments.network}"
    folder = arguments.out or Path("training/runs/classifiers") / name
    folder.mkdir(parents=True, exist_ok=True)
    places = data_root(arguments.data), folder, arguments.weights or WEIGHTS / name
    if arguments.network in HEADED and not arguments.whole:
        trained_head(default_head_recipe(arguments.dataset, arguments.network), *places)
    else:
        asked = ("teacher", "epochs", "batch", "learning_rate", "weight_decay", "small_side", "small_share")
        given = {key: getattr(arguments, key) for key in asked if getattr(arguments, key) is not None}
        trained_whole(replace(default_recipe(arguments.dataset, arguments.network), **given), *places)


if __name__ == "__main__":
    run(main)
