"""The demo, small: it runs through the three services and leaves a page that holds together."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

PATIENCE = 500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "out"
    command = [sys.executable, "-m", "srae_client.demo", "--out", str(out), "--small"]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(out.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "index.html" in done.stdout
    return out


@pytest.fixture(scope="module")
def tiers(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    report = json.loads((folder / "report.json").read_text())
    return {(photo["name"], tier["tier"]): tier for photo in report["photos"] for tier in photo["tiers"]}


def test_three_photos_in_both_tiers(tiers: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert set(tiers) == {(name, tier) for name in ("astronaut", "cat", "coffee") for tier in ("sealed", "one-pass")}
    assert all(tier["evaluation"]["views"] for tier in tiers.values())


def test_all_that_the_page_shows_is_there(folder: Path) -> None:
    html = (folder / "index.html").read_text()
    links = set(re.findall(r'(?:href|src)="([^"]+)"', html))
    assert len(links) > 40
    assert [link for link in links if not (folder / link).is_file()] == []


def test_a_sealed_png_is_restored_bit_for_bit_as_the_report_says(
    folder: Path, tiers: dict[tuple[str, str], dict[str, Any]]
) -> None:
    tier = tiers["astronaut", "sealed"]
    assert tier["evaluation"]["bit_exact"]
    original, protected, restored = (
        cv2.imread(str(folder / name))
        for name in ("astronaut.png", tier["protected"]["file"], tier["restored"]["file"])
    )
    assert np.array_equal(restored, original)
    assert not np.array_equal(protected, original)


def test_a_jpeg_stays_one_and_is_restored_as_one(tiers: dict[tuple[str, str], dict[str, Any]], folder: Path) -> None:
    tier = tiers["cat", "sealed"]
    assert tier["evaluation"]["bit_exact"]
    original, protected, restored = (
        cv2.imread(str(folder / name)) for name in ("cat.jpg", tier["protected"]["file"], tier["restored"]["file"])
    )
    assert tier["restored"]["file"].endswith(".jpg")
    assert np.array_equal(restored, original)
    assert not np.array_equal(protected, original)
