"""Downloads a data set into the data folder, where there is a network."""

from __future__ import annotations

import argparse
import urllib.error
from pathlib import Path

from rich.console import Console

from training.data.photos import data_root

#: Where each is published, and where its files belong, for who fetches them by hand.
BY_HAND = {
    "caltech101": "Caltech-101 (CaltechDATA, doi 10.22002/D1.20086) belongs in caltech101/101_ObjectCategories",
    "caltech256": "Caltech-256 (CaltechDATA, doi 10.22002/D1.20087) belongs in caltech256/256_ObjectCategories",
    "mnist": "MNIST's four IDX files (LeCun, Cortes and Burges) belong in MNIST/raw, gzipped or not",
}


def download(name: str, root: Path) -> None:
    """Fetches a data set with torchvision.

    Raises:
        OSError, RuntimeError: there is no network, or what came is not the data set.
    """
    from torchvision.datasets import MNIST, Caltech101, Caltech256

    {"caltech101": Caltech101, "caltech256": Caltech256, "mnist": MNIST}[name](str(root), download=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=tuple(BY_HAND), help="the data set")
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    arguments = parser.parse_args()
    root = data_root(arguments.data)
    root.mkdir(parents=True, exist_ok=True)
    try:
        download(arguments.name, root)
    except (urllib.error.URLError, RuntimeError, OSError) as error:
        Console(stderr=True).print(f"The download failed ({error}). By hand: {BY_HAND[arguments.name]} under {root}.")
        return 1
    Console().print(f"{arguments.name} is in {root}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
