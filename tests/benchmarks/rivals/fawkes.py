"""Fawkes, which cloaks faces: installed in an environment of its own and tried on one photo with a face.

It is not compared with our tiers, for it works against face recognition and leaves photos without a face alone. What is
kept is whether it runs here, and what it said where it does not: it fetches its networks over HTTP at the first start.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage import data

from rivals.environments import python
from rivals.results import keep

_SECONDS = 240


def run(command: str) -> None:
    """Tries it, and keeps what came of it."""
    keep("fawkes", _tried(), command)


def _tried() -> dict[str, Any]:
    try:
        interpreter = python("fawkes", with_project=False)
    except subprocess.CalledProcessError as error:
        return {"was_installed": False, "ran": False, "error": f"pip ended with status {error.returncode}"}
    with tempfile.TemporaryDirectory() as folder:
        photo = np.ascontiguousarray(data.astronaut()[..., ::-1])
        cv2.imwrite(f"{folder}/astronaut.png", photo)
        started = time.perf_counter()
        try:
            done = subprocess.run(
                [interpreter.parent / "fawkes", "-d", folder, "--mode", "low"],
                env={**os.environ, "HOME": folder},  # it keeps its networks there
                capture_output=True,
                text=True,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return {"was_installed": True, "ran": False, "error": f"it did not end within {_SECONDS} s"}
        seconds = time.perf_counter() - started
        cloaked = list(Path(folder).glob("*cloaked*"))
    if cloaked:
        return {"was_installed": True, "ran": True, "seconds": seconds}
    said = [line for line in done.stderr.splitlines() if line.strip()] or ["nothing"]
    return {"was_installed": True, "ran": False, "error": said[-1]}
