"""Makes an opponent's public pairs: photos of anybody's, and the codes that the product writes for them.

Codes that are there already are kept, so a run that is cut off goes on where it stopped. It uses all cores, or a GPU
where there is one, in batches.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress, track

from services.imaging.codec import decode
from services.imaging.pipeline import STRENGTHS_DB
from services.imaging.receipt import Tier
from services.imaging.resample import down
from training import command
from training.data.photos import caltech_paths, data_root, split_digit
from training.evaluation.protections import Protections, Setting
from training.evaluation.subjects import Subject, resized

#: A photo of the opponent's, and whether it is its middle.
Chosen = tuple[Path, bool]


def read(protections: Protections, root: Path, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Protected working images (N, 3, S, S) uint8 and their codes (N, 3, G, G) int8, of Caltech-101."""
    find(protections, root, count)
    images, codes = [], []
    for photo in track(chosen(_paths(root), count), description="reading them"):
        subject = _subject(*photo)
        images.append(down(protections.protected(subject)))
        codes.append(protections.code(subject))
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(codes))


def find(protections: Protections, root: Path, count: int) -> None:
    """Finds the codes that are not kept yet."""
    missing = [photo for photo in chosen(_paths(root), count) if not protections.kept(_name(*photo)).is_file()]
    with Progress() as progress:
        task = progress.add_task(f"{count} public pairs", total=count, completed=count - len(missing))
        asyncio.run(_find(protections, missing, lambda: progress.advance(task)))


async def _find(protections: Protections, photos: Sequence[Chosen], found: Callable[[], None]) -> None:
    places = asyncio.Semaphore(protections.at_once)

    async def one(photo: Chosen) -> None:
        async with places:
            await protections.find(await asyncio.to_thread(_subject, *photo))
        found()

    async with asyncio.TaskGroup() as group:
        for photo in photos:
            group.create_task(one(photo))


def _paths(root: Path) -> list[Path]:
    return [path for path in caltech_paths(root, "caltech101") if split_digit("/".join(path.parts[-2:])) != 0]


def _subject(path: Path, is_middle: bool) -> Subject:
    photo = decode(path.read_bytes())
    return Subject(
        _name(path, is_middle), resized(photo.with_pixels(middle(photo.pixels)) if is_middle else photo, 224), -1
    )


def _name(path: Path, is_middle: bool) -> str:
    return f"caltech101-{path.parent.name}-{path.stem}{'-middle' * is_middle}"


def chosen(paths: Sequence[Path], count: int) -> list[Chosen]:
    """Which photos an opponent protects, in a fixed random order: each whole, and after all of them its middle.

    Raises:
        ValueError: there are not so many.
    """
    if count > 2 * len(paths):
        raise ValueError(f"{len(paths)} photos give {2 * len(paths)} pairs, not {count}: ask for fewer with --pairs")
    order = np.random.default_rng(0).permutation(len(paths))
    return [(paths[index], is_middle) for is_middle in (False, True) for index in order][:count]


def middle(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two thirds of each side."""
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(pixels[height // 6 : height - height // 6, width // 6 : width - width // 6])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluation.public_pairs", description=__doc__)
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--repository", type=Path, default=Path("triton_models"), help="model repository to measure")
    parser.add_argument("--tier", choices=[t.value for t in Tier], default="sealed", help="default: sealed")
    parser.add_argument("--pairs", type=int, default=1000, help="how many (default: 1000)")
    arguments = parser.parse_args()
    tier = Tier(arguments.tier)
    protections = Protections(Setting(tier, STRENGTHS_DB[tier], "native"), arguments.repository)
    find(protections, data_root(arguments.data), arguments.pairs)
    print(f"kept in {protections.folder}")


if __name__ == "__main__":
    command.run(main)
