"""Finished classifiers: how many test images they misread, and where their weights and records lie."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor, nn

from training.classifier_recipe import HeadRecipe, Recipe
from training.data.labelled import images_of, unit_range
from training.data.mnist import LabelledImages
from training.models.target import learned
from training.provenance import provenance


@torch.no_grad()
def misread(network: nn.Module, images: LabelledImages, batch: int = 100) -> list[int]:
    """Which images the network misclassifies, by index, on the device that it is on."""
    device = next(network.parameters()).device
    found: list[Tensor] = []
    for start in range(0, len(images.labels), batch):
        x, label = (part[start : start + batch].to(device) for part in (images.images, images.labels))
        found.append((network(unit_range(x)).argmax(dim=1) != label).nonzero()[:, 0].cpu() + start)
    return [int(index) for index in torch.cat(found)]


def _kept(value: Tensor) -> Tensor:
    """A value as the file holds it: kernels in half precision, which no answer depends on and halves the file."""
    return (value.half() if value.ndim > 1 else value).contiguous()


def ship(
    network: nn.Module,
    recipe: Recipe | HeadRecipe,
    minutes: float,
    facts: Mapping[str, object],
    data: Path,
    target: Path,
) -> None:
    """Puts finished weights and their record where :func:`load_target` looks.

    Args:
        minutes: that the training took.
        facts: what else the record says of it.
        data: the data folder, for the test images.
        target: the folder.
    """
    weights = {name: _kept(value) for name, value in learned(network).items()}
    # What is measured is what the file holds.
    network.load_state_dict(weights, strict=False)
    tests = images_of(recipe.dataset, data, "test")
    wrong = misread(network.eval(), tests)
    seed = recipe.seed if isinstance(recipe, Recipe) else 0
    record = {
        "recipe": asdict(recipe),
        "clean_error_percent": round(100.0 * len(wrong) / len(tests.labels), 2),
        "test_images": len(tests.labels),
        "misread_test_images": wrong,
        **facts,
        "provenance": provenance(seed, minutes, f"{recipe.dataset}, its training split"),
    }
    target.mkdir(parents=True, exist_ok=True)
    save_file(weights, target / "weights.safetensors")
    (target / "record.json").write_text(json.dumps(record, indent=2) + "\n")
    Console().print(f"{target}: {record['clean_error_percent']:.2f} % of {len(tests.labels)} test images are misread")
