"""docs/performance.md is what its JSONs say, and a slower run is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from check import compare
from condense import ratios
from page import capacity, render

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_results_say() -> None:
    written = (ROOT / "docs/performance.md").read_text()
    assert written == render.page(ROOT / "tests/benchmarks/results"), "run: make performance"


def test_every_picture_of_the_page_is_there() -> None:
    page = (ROOT / "docs/performance.md").read_text()
    named = [part.split(")")[0] for part in page.split("](")[1:] if part.startswith("pictures/")]
    assert all((ROOT / "docs" / name).is_file() for name in named)


def figures(value: float, spread: float = 0.05) -> dict:
    ratio = {"value": value, "low": value * (1 - spread), "high": value * (1 + spread)}
    return {"ratios": {"a over b": ratio}}


@pytest.mark.parametrize(
    ("now", "spread", "is_worse"),
    [(1.0, 0.05, False), (1.15, 0.05, False), (1.4, 0.05, True), (1.4, 0.3, False), (0.5, 0.05, False)],
)
def test_a_ratio_that_is_a_fifth_worse_beyond_its_interval_fails(now: float, spread: float, is_worse: bool) -> None:
    (change,) = compare(figures(1.0), figures(now, spread))
    assert change.is_worse == is_worse


def test_runs_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(ValueError, match="same sizes"):
        compare(figures(1.0), {"ratios": {}})


def row(ms: float) -> dict[str, float]:
    return {"low_ms": 0.9 * ms, "median_ms": ms, "high_ms": 1.1 * ms, "rounds": 3}


def test_ratios_are_of_medians_with_quartiles_against_each_other() -> None:
    stages = ("decode", "down", "headroom", "infer", "up and add", "embed", "hash", "encode")
    rows = {f"stage: {stage}": row(10.0) for stage in stages}
    found = ratios({"12mp png": rows}, {})
    whole = found["12mp png: protect's stages over decode + encode"]
    assert whole["value"] == pytest.approx(4.0)
    assert whole["low"] == pytest.approx(4.0 * 0.9 / 1.1, abs=0.01)
    assert found["12mp png: the network's share of protect's stages"]["value"] == pytest.approx(0.125)


def test_replicas_stay_below_the_utilisation() -> None:
    assert capacity.replicas(10, 0.06) == 1
    assert capacity.replicas(10, 0.08) == 2
    assert capacity.core_hours_per_million(3.6, 2) == pytest.approx(2000)
