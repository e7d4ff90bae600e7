"""What `make roofline` counts, on networks whose work is known, and the smallest run of it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import roofline
import torch
from page import roofline as page
from torch import nn


def test_operations_and_bytes_of_a_matrix_product() -> None:
    a, b = torch.rand(16, 32), torch.rand(32, 8)

    operations, moved = roofline.count(partial(torch.mm, a, b))

    assert operations == 2 * 16 * 32 * 8
    assert moved == 4 * (16 * 32 + 32 * 8 + 16 * 8)


def test_views_move_nothing() -> None:
    assert roofline.count(torch.rand(4, 6).t) == (0, 0)


def test_a_look_goes_backward_to_the_photo_and_costs_twice_an_answer() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 8, 3).requires_grad_(False)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            seen = self.layer(x).mean(dim=[2, 3])
            return seen, seen

    network, x = Network(), torch.rand(2, 3, 9, 9)

    assert roofline.look(network, x).shape == x.shape
    forward, _ = roofline.count(lambda: network(x))
    both, _ = roofline.count(partial(roofline.look, network, x))
    assert both == 2 * forward


def test_the_longer_time_is_the_bound() -> None:
    limited_by_operations = roofline.row(1000, 10, taken=4.0, photos=2, peak=500.0, bandwidth=100.0)
    limited_by_memory = roofline.row(1000, 1000, taken=20.0, photos=2, peak=500.0, bandwidth=100.0)

    assert limited_by_operations["bound_ms_per_photo"] == pytest.approx(1000.0)
    assert limited_by_operations["share_of_bound"] == pytest.approx(0.5)
    assert limited_by_memory["share_of_bound"] == pytest.approx(0.5)
    assert limited_by_memory["share_of_peak"] == pytest.approx(0.1)


def test_the_page_has_what_was_measured(tmp_path: Path) -> None:
    figures = dict.fromkeys(
        ("gigaoperations_per_photo", "megabytes_per_photo", "ms_per_photo", "bound_ms_per_photo"), 1.0
    )
    rows = [{"work": "read", "variant": "half", "photos": 4.0, "share_of_bound": 0.25, **figures}]
    limit = {"float32_operations_per_second": 5e10, "half_operations_per_second": 9e10, "bytes_per_second": 7e9}
    about = {"command": "roofline.py", "commit": "c", "data": "d", "machine": "m", "date": "2026-01-01"}
    (tmp_path / "roofline.json").write_text(json.dumps({"ceilings": limit, "rows": rows, "provenance": about}))

    assert "| read | half | 4 | 1.00 | 1 | 1.0 | 1.0 | 0.25 |" in (page.section(tmp_path) or "")
    assert page.section(tmp_path / "nothing") is None
