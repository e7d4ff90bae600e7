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


def test_graphs_are_for_a_gpu_alone() -> None:
    assert roofline.usual_variants("cpu") == ["float32", "half", "compiled"]
    assert roofline.usual_variants("cuda") == ["float32", "half", "compiled", "graph", "half graph"]


def test_a_recorded_look_would_not_read_a_cache_of_weights_that_is_gone() -> None:
    network = nn.Identity()

    with roofline.variant("half", "cpu", network):
        assert torch.is_autocast_cache_enabled()
    with roofline.variant("half graph", "cpu", network) as changed:
        assert changed is network
        assert torch.is_autocast_enabled("cpu")
        assert not torch.is_autocast_cache_enabled()
    with roofline.variant("graph", "cpu", network) as changed:
        assert changed is network
        assert not torch.is_autocast_enabled("cpu")


def measured(work: str, variant: str, photos: int, ms: float, megabytes: float = 1.0) -> dict[str, object]:
    return {
        "work": work,
        "variant": variant,
        "photos": float(photos),
        "gigaoperations_per_photo": 1.0,
        "megabytes_per_photo": megabytes,
        "operations_per_byte": 4.5,
        "ms_per_photo": ms,
        "bound_ms_per_photo": 0.025,
        "share_of_bound": 0.025 / ms,
    }


def write(path: Path, peak: float, rows: list[dict[str, object]]) -> None:
    limit = {"float32_operations_per_second": peak, "half_operations_per_second": 2 * peak, "bytes_per_second": 7e9}
    about = {"command": "roofline.py", "commit": "c", "data": "d", "machine": path.stem, "date": "2026-01-01"}
    path.write_text(json.dumps({"ceilings": limit, "rows": rows, "provenance": about}))


#: Milliseconds of a photo, alone and with 64 at once.
ON_GPU = {"float32": (8.0, 0.4), "half": (8.0, 0.2), "graph": (2.0, 0.4), "half graph": (1.0, 0.1)}


def on_gpu() -> list[dict[str, object]]:
    return [
        measured("look, Lite0", name, photos, ms)
        for name, found in ON_GPU.items()
        for photos, ms in zip((1, 64), found, strict=True)
    ]


def test_the_page_has_what_was_measured(tmp_path: Path) -> None:
    write(tmp_path / "roofline.json", 5e10, [measured("read", "half", 4, 0.1)])

    found = page.section(tmp_path) or ""

    assert "| read | half | 4 | 1.00 | 1 | 4.5 | 0.100 | 0.0250 | 0.25 |" in found
    assert "50.0 gigaoperations a second in float32, 100 in half precision, 7.00 GB" in found
    assert "On a GPU" not in found
    assert page.section(tmp_path / "nothing") is None


def test_a_gpu_stands_beside_the_cpu(tmp_path: Path) -> None:
    write(tmp_path / "roofline.json", 5e10, [measured("look, Lite0", "float32", 1, 40.0)])
    write(tmp_path / "roofline_gpu.json", 5e13, on_gpu())

    found = page.section(tmp_path) or ""

    assert found.index("### On a CPU") < found.index("roofline, 2026") < found.index("### On a GPU")
    assert "50.0 teraoperations a second in float32" in found
    assert "| look, Lite0 | graph | 1 | 1.00 | 1 | 4.5 | 2.00 | 0.0250 | 0.013 |" in found
    assert "they are 4.0 times as fast, in half precision 8.0;" in found
    assert "half precision pays (2.0 times)" in found
    assert "*Compiled* was not run here." in found
    assert "older commit" not in found


def test_a_gpu_of_which_little_was_measured_has_its_table_alone(tmp_path: Path) -> None:
    write(tmp_path / "roofline_gpu.json", 5e13, [measured("look, Lite0", "compiled", 1, 2.0)])

    found = page.section(tmp_path) or ""

    assert "| look, Lite0 | compiled | 1 |" in found
    assert "times as fast" not in found
    assert "not run" not in found


def test_the_page_says_where_two_machines_were_shown_other_networks(tmp_path: Path) -> None:
    write(tmp_path / "roofline.json", 5e10, [measured("look, Lite0", "float32", 1, 40.0, megabytes=2.0)])
    write(tmp_path / "roofline_gpu.json", 5e13, on_gpu())

    assert "the first row has 2 MB there and 1 here" in (page.section(tmp_path) or "")
