"""Made-up data sets in Caltech's folders."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from training.data.caltech import CLASSES

FOLDER = {"caltech101": "caltech101/101_ObjectCategories", "caltech256": "caltech256/256_ObjectCategories"}
BESIDE = {"caltech101": "BACKGROUND_Google", "caltech256": "257.clutter"}


def made(root: Path, name: str) -> Path:
    """A data set of one plain photo a class, as dark as the class's number, and one of nothing."""
    for index, folder in enumerate([f"{i:03}.thing" for i in range(CLASSES[name])] + [BESIDE[name]]):
        path = root / FOLDER[name] / folder / "image_0001.jpg"
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), np.full((30, 40, 3), index % 256, dtype=np.uint8))
    return root
