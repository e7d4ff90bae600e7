"""Downloads a data set into the data folder, where there is a network."""

from __future__ import annotations

import argparse
import urllib.error

from rich.console import Console

from training.data.photos import data_root


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=("caltech101",), help="the data set")
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    arguments = parser.parse_args()
    root = data_root(arguments.data)
    root.mkdir(parents=True, exist_ok=True)
    from torchvision.datasets import Caltech101

    try:
        Caltech101(str(root), target_type="category", download=True)
    except (urllib.error.URLError, RuntimeError, OSError) as error:
        Console(stderr=True).print(
            f"The download failed ({error}). Fetch Caltech-101 by hand (CaltechDATA, doi 10.22002/D1.20086) and "
            f"unpack it to {root / 'caltech101' / '101_ObjectCategories'}."
        )
        return 1
    Console().print(f"{arguments.name} is in {root}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
