"""The rivals' section: says what the JSON says, aims missed included, and nothing where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from page import rivals

ABOUT = {"command": "make rivals", "commit": "abc", "date": "2026-01-01", "cores": 2, "machine": "a machine"}


def contender(family: str, seconds: float, psnr_db: float | None = 40.0) -> dict[str, Any]:
    share = {"percent": 50.0, "low": 40.0, "high": 60.0}
    return {
        "family": family,
        "setting": "so many steps",
        "gradient_steps": 2,
        "stored": share,
        "uploaded": share,
        "psnr_db": psnr_db,
        "median_seconds": seconds,
    }


def protection(times_our_seconds: float) -> dict[str, Any]:
    ratio = {"ratio": times_our_seconds, "low": times_our_seconds, "high": times_our_seconds}
    rows = [{"rival": "ddn-100", "is_equal_protection": True, "times_our_seconds": ratio}]
    tier = {"stored": rows, "uploaded": rows}
    contenders = {
        "one-pass": contender("one-pass", 0.1),
        "sealed": contender("sealed", 1),
        "ddn-100": contender("ddn", 5),
    }
    cw = {"photos": 1, "seconds": 30.0, "has_ended": False, "gradient_steps": 500}
    figures = {"photos": "scikit-image", "size": "224", "threads": 2, "photo_count": 4, "carlini_wagner_default": cw}
    return {**ABOUT, **figures, "contenders": contenders, "tiers": {"one-pass": tier, "sealed": tier}}


def serving(times_the_rate: float) -> dict[str, Any]:
    ratio = {"ratio": times_the_rate, "low": times_the_rate, "high": times_the_rate}
    figures = {
        name: {"calls_per_second": 1.0, "p50_ms": 9.0} for name in ("litserve-raw", "triton-direct", "ours-grpc")
    }
    ratios = {"ours-grpc": {"litserve-raw": ratio, "triton-direct": ratio}}
    head = {**ABOUT, "title": "a row", "rounds": 3, "seconds_a_turn": 1.5}
    return {**head, "concurrency": {"1": figures, "8": figures}, "ratios": {"1": ratios, "8": ratios}}


def written(folder: Path, **parts: dict[str, Any]) -> Path:
    (folder / "rivals.json").write_text(json.dumps({**ABOUT, "parts": parts}))
    return folder


def test_no_section_without_results(tmp_path: Path) -> None:
    assert rivals.section(tmp_path) is None


@pytest.mark.parametrize(("times", "verdict"), [(99.0, "missed"), (100.0, "met")])
def test_the_aim_against_ddn(tmp_path: Path, times: float, verdict: str) -> None:
    text = rivals.section(written(tmp_path, protection=protection(times)))
    assert text is not None
    assert f"is **{verdict}**: {times:.2f}" in text


def test_a_faster_rival_is_named(tmp_path: Path) -> None:
    text = rivals.section(written(tmp_path, protection=protection(0.4)))
    assert text is not None
    assert "at its PSNR or better: DDN, so many steps." in text


def test_the_aims_of_serving(tmp_path: Path) -> None:
    text = rivals.section(written(tmp_path, serving=serving(1.5)))
    assert text is not None
    assert "2 times LitServe, raw body: **missed**, 1.50" in text
    assert "0.9 times Triton called directly: **met**, 1.50" in text


def test_what_did_not_run_says_so(tmp_path: Path) -> None:
    part = {**ABOUT, "was_installed": True, "ran": False, "error": "no such host"}
    text = rivals.section(written(tmp_path, fawkes=part))
    assert text is not None
    assert "did not run here: `no such host`" in text


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    rivals.pictures(written(tmp_path, protection=protection(2.0)), tmp_path / "pictures")
    assert (tmp_path / "pictures" / "rivals-protection.png").stat().st_size > 1000
