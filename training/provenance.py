"""Where a figure comes from: what stands beside every result."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path

import torch


def provenance(seed: int, minutes: float, data: str) -> dict[str, object]:
    """Command, seed, commit, data, machine, minutes and date of the running program.

    Args:
        data: which data, and which split of it.
        minutes: how long the measured work took.
    """
    return {
        "command": " ".join(["python", "-m", _module(), *sys.argv[1:]]),
        "seed": seed,
        "commit": _commit(),
        "data": data,
        "machine": f"{os.cpu_count()} cores, {processor()}, {_gpu()}",
        "minutes": round(minutes, 1),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name.removesuffix(".__main__") if spec is not None else Path(sys.argv[0]).name


def _commit() -> str:
    """The commit, marked where code differs from it; results that another run has just written are no code.

    A copy without its history, on a borrowed machine say, is told which commit it is of in SRAE_COMMIT.
    """
    if told := os.environ.get("SRAE_COMMIT"):
        return told
    try:
        commit = _git("describe", "--always", "--abbrev=12")
        is_dirty = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!training/results", ":!docs")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-dirty" if is_dirty else commit


def _gpu() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU used"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def processor() -> str:
    names = {line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")}
    return ", ".join(sorted(names)) or platform.processor() or platform.machine()


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []
