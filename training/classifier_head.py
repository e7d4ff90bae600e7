"""Trains a linear head on what a published, frozen body makes of each photo: minutes on a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from training.classifier_recipe import HeadRecipe
from training.data.caltech import CaltechSplit
from training.data.labelled import unit_range
from training.models.target_photo import HeadedTarget


@dataclass(frozen=True)
class Chosen:
    """The head that was kept."""

    weight_decay: float
    validation_error_percent: float


def train_head(recipe: HeadRecipe, network: HeadedTarget, split: CaltechSplit, folder: Path) -> Chosen:
    """Trains ``network.head``; the body's features are kept in ``folder``, so that another recipe starts at once."""
    train = split.train.most_of_class(recipe.most_of_class) if recipe.most_of_class else split.train
    x = pooled(network, train.centred(), folder / "train.safetensors")
    label = train.labels.to(x.device)
    if recipe.mirrors:
        mirrored = pooled(network, train.centred().flip(3), folder / "train-mirrored.safetensors")
        x, label = torch.cat([x, mirrored]), label.repeat(2)
    held_out = pooled(network, split.validation.centred(), folder / "validation.safetensors")
    expected = split.validation.labels.to(x.device)
    head = nn.Linear(x.shape[1], network.head.out_features).to(x.device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    chosen: Chosen | None = None
    for weight_decay in recipe.weight_decays:  # from strong to weak: each starts where the last one ended
        fit(head, x, label, weight_decay, recipe.iterations)
        with torch.no_grad():
            error = 100.0 * float((head(held_out).argmax(dim=1) != expected).float().mean())
        if chosen is None or error < chosen.validation_error_percent:
            chosen = Chosen(weight_decay, round(error, 2))
            network.head.load_state_dict(head.state_dict())
    assert chosen is not None
    return chosen


def fit(head: nn.Linear, x: Tensor, label: Tensor, weight_decay: float, iterations: int) -> float:
    """Lowers mean cross-entropy and weight decay of a head, from where it is; the value in the end.

    Args:
        x: features, shape (N, C).
        label: int64, shape (N,).
    """
    optimiser = torch.optim.LBFGS(
        head.parameters(), max_iter=iterations, history_size=10, line_search_fn="strong_wolfe"
    )

    def value() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(head(x), label) + 0.5 * weight_decay * head.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(value)
    return float(value().detach())


@torch.no_grad()
def pooled(network: HeadedTarget, images: Tensor, stored: Path, batch: int = 32) -> Tensor:
    """What the head sees of uint8 images, shape (N, F), on the network's device; kept in a file.

    Raises:
        ValueError: the file is of other images.
    """
    device = network.head.weight.device
    if not stored.is_file():
        parts = [
            network.pooled(unit_range(images[start : start + batch]).to(device)).cpu()
            for start in track(range(0, len(images), batch), description=stored.stem)
        ]
        stored.parent.mkdir(parents=True, exist_ok=True)
        save_file({"pooled": torch.cat(parts)}, stored.with_suffix(".partial"))
        stored.with_suffix(".partial").rename(stored)
    found = load_file(stored)["pooled"].to(device)
    if len(found) != len(images):
        raise ValueError(f"{stored} is of {len(found)} images, not of {len(images)}: delete it")
    return found
