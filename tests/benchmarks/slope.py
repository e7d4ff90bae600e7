"""What a writer's look costs by hand, beside the same look by autograd; both take turns on the same photo.

Written to results/slope.json; docs/adr/0021 is the decision behind it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from rich.progress import track
from torch import Tensor

from training.evaluation.eyes import SIDES
from training.models.classifiers import WithFeatures, load_classifier
from training.provenance import provenance

RESULT = Path(__file__).parent / "results" / "slope.json"


def loss(logits: Tensor, features: Tensor) -> Tensor:
    """Something that depends on both, as what a writer lowers does."""
    return logits.amax(dim=1).sum() + features.square().mean()


def by_hand(network: WithFeatures, x: Tensor) -> Tensor:
    """The slope in the photo, as a writer finds it."""
    with torch.no_grad():
        maps, kept = network.keep(x)
    ends = [end.detach().requires_grad_(True) for end in maps]
    slopes = torch.autograd.grad(loss(*network.answer(ends)), ends)
    with torch.no_grad():
        return network.back(list(slopes), kept)


def by_autograd(network: WithFeatures, x: Tensor) -> Tensor:
    """The same slope."""
    photo = x.detach().requires_grad_(True)
    return torch.autograd.grad(loss(*network(photo)), photo)[0]


def ratio(network: WithFeatures, side: int, turns: int, about: str) -> dict[str, float]:
    """Medians in milliseconds, and the quartiles of the ratio within a turn."""
    x = (torch.rand(1, 3, side, side) * 255.0).to(memory_format=torch.channels_last)
    taken: list[tuple[float, ...]] = []
    for _ in track(range(turns + 3), description=about):
        times = []
        for way in (by_hand, by_autograd):
            begun = time.perf_counter()
            way(network, x)
            times.append(1e3 * (time.perf_counter() - begun))
        taken.append(tuple(times))
    hand, auto = zip(*taken[3:], strict=True)
    low, middle, high = statistics.quantiles([a / b for a, b in zip(hand, auto, strict=True)])
    found = {"hand_ms": statistics.median(hand), "autograd_ms": statistics.median(auto)}
    found |= {"ratio": middle, "ratio_low": low, "ratio_high": high}
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=60, help="(default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    begun = time.monotonic()
    rows = {}
    for which in (0, 1):
        network = WithFeatures(load_classifier(which), 10)
        rows[f"lite{which}"] = ratio(network, SIDES[which], arguments.turns, f"Lite{which}")
    about = provenance(0, (time.monotonic() - begun) / 60, "random photos, 1 thread")
    about["command"] = ".venv/bin/python -m tests.benchmarks.slope"
    RESULT.write_text(json.dumps({"rows": rows, "provenance": about}, indent=1) + "\n")
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
