"""Strips cover every row once, and what goes wrong in one is told."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from services.imaging.strips import in_strips


@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 10), (17, 10), (1000, 900), (999, 4000)])
def test_every_row_once(height: int, width: int) -> None:
    seen, lock = np.zeros(height, int), threading.Lock()

    def work(start: int, stop: int) -> None:
        with lock:
            seen[start:stop] += 1

    in_strips(work, height, width, 16)

    assert np.all(seen == 1)


@pytest.mark.parametrize("width", [10, 4000])
def test_an_error_comes_through(width: int) -> None:
    def work(start: int, stop: int) -> None:
        if start == 160:
            raise ValueError("strip 10")

    with pytest.raises(ValueError, match="strip 10"):
        in_strips(work, 1000, width, 16)
