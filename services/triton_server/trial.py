"""python -m services.triton_server.trial REPOSITORY MODEL VERSION: a version's first inferences, outside any server.

A process of its own: a file that crashes or hangs what loads it takes nothing else along. Triton 2.51 itself goes
down, with every model, when a new version's warm-up fails.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np

from services.errors import SraeError
from services.inference.canary import WRITERS, canary_inputs
from services.inference.embedded import EmbeddedBackend

_SECONDS = 120.0
#: Alone, and in company as the dynamic batcher makes it.
_BATCHES = (1, 3)


class TrialError(Exception):
    """The version is not fit to serve. The sentence says why."""


def run(repository: Path, model: str, version: int) -> None:
    """Tries the version in a process of its own.

    Raises:
        TrialError: it does not load, fails, hangs, or answers what no model of this name does.
    """
    command = [sys.executable, "-m", "services.triton_server.trial", str(repository), model, str(version)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise TrialError(f"{model} {version} does not answer in {_SECONDS:g} seconds.") from None
    if ended.returncode == 1 and ended.stdout:
        raise TrialError(ended.stdout.strip())
    if ended.returncode != 0:
        raise TrialError(f"{model} {version} ends the process that runs it, with status {ended.returncode}.")


async def _try(repository: Path, model: str, version: str) -> None:
    backend = EmbeddedBackend(repository)
    for size in _BATCHES:
        inputs = {name: np.repeat(tensor, size, axis=0) for name, tensor in canary_inputs(model).items()}
        code = (await backend.infer(model, inputs, version)).tensors["OUTPUT__0"]
        if model in WRITERS and not ((code >= inputs["INPUT__1"]) & (code <= inputs["INPUT__2"])).all():
            raise TrialError(f"Model {model!r} version {version} leaves the headroom.")
        if not np.isfinite(code).all():
            raise TrialError(f"Model {model!r} version {version} answers what is no number.")
    await backend.close()


if __name__ == "__main__":
    try:
        asyncio.run(_try(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
    except (SraeError, TrialError) as failure:
        print(failure)
        sys.exit(1)
