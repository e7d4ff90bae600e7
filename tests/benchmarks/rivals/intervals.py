"""Ratios and shares with their 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

#: How often photos (or rounds) are drawn anew. More would not change the digits that are shown.
DRAWS = 4000
_NORMAL_95 = 1.959964


def ratio_of_medians(above: Sequence[float], below: Sequence[float], seed: int = 0) -> dict[str, float]:
    """median(above) / median(below), with its interval by bootstrap over pairs.

    Args:
        above, below: one figure a photo (or round) each, in the same order: both are drawn together.

    Raises:
        ValueError: they are not as many, or none.
    """
    if len(above) != len(below) or not above:
        raise ValueError(f"a ratio needs pairs: {len(above)} figures against {len(below)}")
    first, second = np.asarray(above, float), np.asarray(below, float)
    drawn = np.random.default_rng(seed).integers(0, len(first), (DRAWS, len(first)))
    ratios = np.median(first[drawn], axis=1) / np.median(second[drawn], axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return {"ratio": float(np.median(first) / np.median(second)), "low": float(low), "high": float(high)}


def share(hits: int, of: int) -> dict[str, float]:
    """hits / of, with Wilson's interval, all in percent.

    Raises:
        ValueError: there is nothing to take a share of.
    """
    if of <= 0:
        raise ValueError("a share needs at least one photo")
    p, z2 = hits / of, _NORMAL_95**2
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = _NORMAL_95 / (1 + z2 / of) * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of))
    return {"percent": 100 * p, "low": 100 * max(0.0, middle - half), "high": 100 * min(1.0, middle + half)}
