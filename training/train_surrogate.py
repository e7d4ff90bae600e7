"""Fine-tunes a slightly robust copy of an EfficientNet-Lite: a surrogate whose slopes carry further to other networks.

The copy learns to answer perturbed photos as the published network answers clean ones, so no labels are needed
(adversarial distillation: Goldblum et al. 2020; that a little robustness carries far: Springer et al. 2021). Run it
again after an interruption: it goes on from the last checkpoint.
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

from training.command import run
from training.data.labelled import batches, training_batches
from training.data.photos import data_root
from training.distributed import World, world
from training.models.classifiers import load_classifier
from training.provenance import provenance

CONSOLE = Console()


@dataclass(frozen=True)
class SurrogateRecipe:
    """How a copy is made robust.

    Args:
        variant: of EfficientNet-Lite, 0 or 1.
        radius: largest L2 norm of the perturbation that it withstands, of photos in [0, 1].
        steps: of gradient ascent that find it.
    """

    variant: int = 0
    radius: float = 1.0
    steps: int = 2
    epochs: int = 20
    batch: int = 128
    learning_rate: float = 1e-4
    seed: int = 0


def direction(slope: Tensor) -> Tensor:
    """Each image's slope, brought to length 1."""
    return F.normalize(slope.flatten(1).float(), dim=1).view_as(slope)


def misleading(network: nn.Module, x: Tensor, taught: Tensor, recipe: SurrogateRecipe, this: World) -> Tensor:
    """Perturbed images, within the radius, on which the network is furthest from what it is taught.

    x: shape (N, 3, H, W), range [0, 1]; taught: log-probabilities of the clean images, shape (N, 1000).
    """
    moved = recipe.radius * 0.1 * direction(torch.randn_like(x))
    for _ in range(recipe.steps):
        moved.requires_grad_(True)
        with this.autocast():
            loss = distance(network(255.0 * (x + moved)), taught)
        (slope,) = torch.autograd.grad(loss, moved)
        # A little further than the radius in all, so that the steps can turn.
        moved = moved.detach() + recipe.radius * 1.25 / recipe.steps * direction(slope)
        length = moved.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        moved = moved * (recipe.radius / length).clamp(max=1.0)
    return (x + moved).clamp(0.0, 1.0).detach()


def distance(logits: Tensor, taught: Tensor) -> Tensor:
    """Kullback and Leibler's, of the answer from what is taught; batch mean."""
    return F.kl_div(F.log_softmax(logits.float(), dim=1), taught, reduction="batchmean", log_target=True)


class Training:
    """A copy on its way, beside the published network that it learns from."""

    def __init__(self, recipe: SurrogateRecipe, this: World) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.world = recipe, this
        self.teacher = load_classifier(recipe.variant).to(this.device)
        self.network = load_classifier(recipe.variant).to(this.device).requires_grad_(True)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=recipe.learning_rate, weight_decay=0.0)
        self.step = 0
        self.minutes = 0.0

    def train_step(self, x: Tensor, progress: float) -> Tensor:
        """One step; the batch's mean loss before it. progress: how far the run is, 0..1."""
        for group in self.optimiser.param_groups:
            rise = min(1.0, (progress + 1e-3) / 0.05)
            group["lr"] = self.recipe.learning_rate * rise * 0.5 * (1.0 + math.cos(math.pi * progress))
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)
        with torch.no_grad(), self.world.autocast():
            taught = F.log_softmax(self.teacher(255.0 * x).float(), dim=1)
        self.network.requires_grad_(False)
        perturbed = misleading(self.network, x, taught, self.recipe, self.world)
        self.network.requires_grad_(True)
        with self.world.autocast():
            loss = distance(self.network(255.0 * perturbed), taught)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
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


def train(training: Training, data: Path, folder: Path, save_seconds: float = 60.0) -> None:
    """Trains to the recipe's end; a line an epoch goes to log.jsonl, a checkpoint to the folder now and then."""
    recipe, images = training.recipe, training_batches("caltech101", data)
    per_epoch = len(images) // recipe.batch
    last = per_epoch * recipe.epochs
    begun, saved, before = time.monotonic(), time.monotonic(), training.minutes
    recent: list[Tensor] = []
    with Progress(console=CONSOLE) as bar:
        task = bar.add_task(f"Lite{recipe.variant}", total=last, completed=training.step)
        for x, _ in batches(images, recipe.batch, recipe.epochs, recipe.seed, training.world, training.step):
            recent.append(training.train_step(x, training.step / last))
            bar.advance(task)
            training.minutes = before + (time.monotonic() - begun) / 60
            if training.step == last or time.monotonic() - saved > save_seconds:
                training.save(folder)
                saved = time.monotonic()
            if training.step % per_epoch == 0:
                mean = float(torch.stack(recent).mean())
                line = {
                    "epoch": training.step // per_epoch,
                    "minutes": round(training.minutes, 2),
                    "loss": round(mean, 5),
                }
                CONSOLE.print(line)
                with (folder / "log.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
                recent = []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = SurrogateRecipe()
    parser.add_argument("--variant", type=int, choices=(0, 1), default=usual.variant, help="of EfficientNet-Lite")
    parser.add_argument("--radius", type=float, default=usual.radius, help="L2, values in 0..1 (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=usual.epochs, help="(default: %(default)s)")
    parser.add_argument("--batch", type=int, default=usual.batch, help="(default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=usual.learning_rate, help="(default: %(default)s)")
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--out", type=Path, help="folder of the run (default: training/runs/surrogates/<name>)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = SurrogateRecipe(
        variant=arguments.variant,
        radius=arguments.radius,
        epochs=arguments.epochs,
        batch=arguments.batch,
        learning_rate=arguments.learning_rate,
    )
    name = f"lite{recipe.variant}-{recipe.radius:g}"
    folder = arguments.out or Path("training/runs/surrogates") / name
    folder.mkdir(parents=True, exist_ok=True)
    with world() as this:
        training = Training(recipe, this)
        if (folder / "checkpoint.pt").is_file():
            training.load(folder)
        train(training, data_root(arguments.data), folder)
    weights = {key: value.half().contiguous() for key, value in training.network.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    about = provenance(recipe.seed, training.minutes, "caltech101, its training split")
    (folder / "record.json").write_text(json.dumps({"recipe": asdict(recipe), "provenance": about}, indent=2) + "\n")
    CONSOLE.print(f"finished: {folder}")


if __name__ == "__main__":
    run(main)
