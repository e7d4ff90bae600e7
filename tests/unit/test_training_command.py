"""A training command without its data says what is missing, and where to get it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("module", ["evaluation", "refiner_search", "train_recoverer"])
def test_missing_data_is_said_in_a_sentence(module: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"training.{module}", "--data", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(f"{tmp_path / 'none'}/")
    assert "Set SRAE_DATA (or --data)" in done.stderr
