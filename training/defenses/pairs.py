"""What the trained defenses share: pairs to learn from, and inference that does not take all memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from rich.progress import Progress
from torch import Tensor, nn


@contextmanager
def fixed_seed(seed: int) -> Iterator[None]:
    """Draws initial weights from a seed, and leaves the global randomness as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def pairs(
    clean: Tensor, adversarial: list[Tensor], epochs: int, batch: int, seed: int, title: str
) -> Iterator[tuple[Tensor, ...]]:
    """Batches of clean images and their adversarial examples by each attack, in a new order each epoch.

    Raises:
        ValueError: shapes that differ, sides that 4 does not divide, or fewer images than one batch.
    """
    if any(other.shape != clean.shape for other in adversarial):
        shapes = [tuple(other.shape) for other in adversarial]
        raise ValueError(
            f"clean images of shape {tuple(clean.shape)}, adversarial ones of {shapes}: they have to be pairs"
        )
    if clean.shape[-1] % 4 or clean.shape[-2] % 4:
        raise ValueError(f"sides of {tuple(clean.shape[-2:])} pixels: the networks want multiples of 4")
    if len(clean) < batch:
        raise ValueError(f"{len(clean)} images are fewer than one batch of {batch}")
    random = torch.Generator().manual_seed(seed)
    with Progress() as bar:
        task = bar.add_task(title, total=epochs * (len(clean) // batch))
        for _ in range(epochs):
            for chosen in torch.randperm(len(clean), generator=random).split(batch):
                if len(chosen) == batch:
                    yield clean[chosen], *(other[chosen] for other in adversarial)
                    bar.advance(task)


@torch.no_grad()
def in_batches(network: nn.Module, x: Tensor, size: int = 200) -> Tensor:
    """The network's images for x, shape (N, C, H, W), range [0, 1], a few at a time."""
    return torch.cat([network(part).clamp(0.0, 1.0) for part in x.split(size)])
