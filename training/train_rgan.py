"""Trains RGAN: generator, dimension reducer and recoverer together, against a discriminator and a frozen classifier.

Run it again after an interruption: it goes on from the last checkpoint in the run's folder, bit for bit. Under torchrun
each process takes its share of every batch.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

from training import rgan_weights
from training.command import run
from training.data.labelled import Batches, batches, training_batches
from training.data.photos import data_root
from training.distributed import World, world
from training.models.rgan import Discriminator, Rgan
from training.models.target import load_target
from training.rgan_losses import RganLosses
from training.rgan_recipe import ON_PHOTOS, RECIPES, RganRecipe, Schedule, with_schedule

CONSOLE = Console()


class Training:
    """Everything a run carries from step to step.

    Args:
        classifier: C, frozen, images in [0, 1].
        world: the processes that share the work, and this one's device.
    """

    def __init__(self, recipe: RganRecipe, classifier: nn.Module, world: World) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.world = recipe, world
        self.rgan = Rgan(recipe.model)
        with_gan = recipe.objective.gan != "none"
        self.discriminator = Discriminator(recipe.model.channels, recipe.model.widths) if with_gan else None
        losses = RganLosses(self.rgan, recipe.objective, classifier.to(world.device), self.discriminator)
        self.losses = world.share(losses)
        self.judge = None if self.discriminator is None else world.share(self.discriminator)
        rate = recipe.schedule.learning_rate
        self.optimisers = [torch.optim.Adam(self.rgan.parameters(), lr=rate)]
        if self.discriminator is not None:
            self.optimisers.append(torch.optim.Adam(self.discriminator.parameters(), lr=rate))
        self.step = 0
        self.minutes = 0.0

    def train_step(self, x: Tensor, label: Tensor, progress: float) -> dict[str, Tensor]:
        """One step of every network on this process's share of a batch; the losses before it.

        Args:
            progress: how far the run is, 0..1.
        """
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(self.recipe.schedule, progress)
        with self.world.autocast():
            if self.discriminator is not None:
                self.discriminator.requires_grad_(False)
            found = self.losses(x, label, progress)
        self.optimisers[0].zero_grad(set_to_none=True)
        found.total.backward()
        self.optimisers[0].step()
        parts: dict[str, Tensor] = found.parts | {"total": found.total.detach()}
        if self.discriminator is not None:
            parts["discriminator"] = self._discriminate(x, found.adversarial)
        self.step += 1
        return parts

    def _discriminate(self, x: Tensor, adversarial: Tensor) -> Tensor:
        assert self.discriminator is not None
        assert self.judge is not None
        self.discriminator.requires_grad_(True)
        with self.world.autocast():
            losses = self.losses.module if self.world.size > 1 else self.losses
            loss: Tensor = losses.discriminator_loss(self.judge, x, adversarial)
        self.optimisers[1].zero_grad(set_to_none=True)
        loss.backward()
        self.optimisers[1].step()
        return loss.detach()

    def save(self, folder: Path) -> None:
        """Writes the checkpoint whole or not at all."""
        state = {
            "rgan": self.rgan.state_dict(),
            "discriminator": None if self.discriminator is None else self.discriminator.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
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
        state = torch.load(folder / "checkpoint.pt", map_location=self.world.device, weights_only=False)
        if state["recipe"] != asdict(self.recipe):
            raise ValueError(f"{folder} holds a run of another recipe: name another folder with --out, or delete it")
        self.rgan.load_state_dict(state["rgan"])
        if self.discriminator is not None:
            self.discriminator.load_state_dict(state["discriminator"])
        for optimiser, held in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(held)
        self.step, self.minutes = state["step"], state["minutes"]


def learning_rate(schedule: Schedule, progress: float) -> float:
    """The rate at a share of the run, 0..1."""
    if schedule.kind == "steps":
        # A hair forward, so that a share like 1/3 of the epochs counts as reached.
        return schedule.learning_rate * 0.1 ** math.floor(progress * schedule.epochs / schedule.fall_every + 1e-9)
    rise = 0.15
    if progress < rise:
        return schedule.learning_rate * (0.05 + 0.95 * progress / rise)
    return schedule.learning_rate * (0.001 + 0.999 * 0.5 * (1.0 + math.cos(math.pi * (progress - rise) / (1 - rise))))


def train(training: Training, data: Batches, folder: Path, save_seconds: float = 60.0) -> None:
    """Trains to the recipe's end; a line an epoch goes to log.jsonl, a checkpoint to the folder now and then."""
    schedule = training.recipe.schedule
    per_epoch = len(data) // schedule.batch
    last = per_epoch * schedule.epochs
    begun = time.monotonic() - training.minutes * 60
    saved = time.monotonic()
    recent: list[dict[str, Tensor]] = []
    with Progress(console=CONSOLE, disable=training.world.rank != 0) as bar:
        task = bar.add_task("RGAN", total=last, completed=training.step)
        for x, label in batches(
            data, schedule.batch, schedule.epochs, training.recipe.seed, training.world, training.step
        ):
            recent.append(training.train_step(x, label, training.step / last))
            bar.advance(task)
            ends = training.step % per_epoch == 0
            training.minutes = (time.monotonic() - begun) / 60
            if training.world.rank == 0 and (training.step == last or time.monotonic() - saved > save_seconds):
                training.save(folder)
                saved = time.monotonic()
            if ends:
                _log(training, recent, folder, training.step // per_epoch)
                recent = []


def _log(training: Training, recent: list[dict[str, Tensor]], folder: Path, epoch: int) -> None:
    means = {name: float(torch.stack([r[name] for r in recent]).mean()) for name in recent[0]}
    if training.world.rank == 0:
        line = {"epoch": epoch, "minutes": round(training.minutes, 2)} | {k: round(v, 5) for k, v in means.items()}
        CONSOLE.print(line)
        with (folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")


def trained(recipe: RganRecipe, data: Path, folder: Path) -> tuple[Rgan, float]:
    """The recipe's RGAN in eval mode and its minutes, trained to its end; at once where the folder has it finished."""
    with world() as this:
        return _trained(recipe, data, folder, this)


def _trained(recipe: RganRecipe, data: Path, folder: Path, this: World) -> tuple[Rgan, float]:
    training = Training(recipe, load_target(recipe.dataset, recipe.network), this)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "checkpoint.pt").is_file():
        training.load(folder)
    elif recipe.after is not None:
        earlier, training.minutes = _finished(recipe.after, data, folder.parent, this)
        training.rgan.load_state_dict(earlier.state_dict())
    train(training, training_batches(recipe.dataset, data), folder)
    return training.rgan.eval().requires_grad_(False), training.minutes


def _finished(recipe: RganRecipe, data: Path, runs: Path, this: World) -> tuple[Rgan, float]:
    """The networks that another recipe goes on from: the repository's, else trained first, beside its run."""
    return rgan_weights.committed(recipe) or _trained(recipe, data, runs / recipe.digest(), this)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.train_rgan",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="published", help="(default: %(default)s)")
    parser.add_argument("--network", help="the classifier, of a recipe on photos (default: lite0)")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--out", type=Path, help="folder of the run (default: training/runs/rgan/<digest>)")
    parser.add_argument("--ship", action="store_true", help="put the finished weights into the repository")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    given = {} if arguments.network is None else {"network": arguments.network}
    if given and arguments.recipe not in ON_PHOTOS:
        parser.error(f"--network is for a recipe on photos: {', '.join(ON_PHOTOS)}")
    recipe = RECIPES[arguments.recipe](**given)
    if arguments.epochs is not None:
        recipe = with_schedule(recipe, epochs=arguments.epochs)
    folder = arguments.out or run_folder(recipe)
    rgan, minutes = trained(recipe, data_root(arguments.data), folder)
    CONSOLE.print(f"finished: {rgan_weights.ship(rgan, recipe, minutes) if arguments.ship else folder}")


def run_folder(recipe: RganRecipe) -> Path:
    """Where a recipe's run lives; equal recipes share it."""
    return Path("training/runs/rgan") / recipe.digest()


if __name__ == "__main__":
    run(main)
