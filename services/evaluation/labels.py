"""Names of the classes that the classifiers tell apart."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The 1,000 classes of ImageNet (ILSVRC 2012), in the order of the classifiers' outputs."""
    return tuple(json.loads((resources.files(__package__) / "imagenet_labels.json").read_text()))
