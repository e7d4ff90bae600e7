"""What a new version must do before any server loads it: a version that fails its warm-up takes Triton down."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.errors import SraeError
from services.inference.backend import Backend, Tensors
from services.inference.canary import canary_inputs
from services.inference.embedded import EmbeddedBackend
from services.rollouts.versions import RolloutError


async def check_files(repository: Path, model: str, version: int) -> None:
    """Runs a version in this process: the canary, in two sizes of batch, and Triton's warm-up.

    Raises:
        RolloutError: it does not load, fails, or answers in another shape or out of bounds.
    """
    backend = EmbeddedBackend(repository)
    try:
        canary = canary_inputs(model)
        await check(backend, model, version, canary)
        await check(backend, model, version, {name: np.repeat(tensor, 2, axis=0) for name, tensor in canary.items()})
        await check(backend, model, version, {name: np.zeros_like(tensor) for name, tensor in canary.items()})
    finally:
        await backend.close()


async def check(backend: Backend, model: str, version: int, tensors: Tensors) -> None:
    """Asks a backend for one inference.

    Raises:
        RolloutError: it fails, or a code leaves the headroom that was given.
    """
    try:
        answer = await backend.infer(model, tensors, str(version))
    except SraeError as error:
        raise RolloutError(f"{model} version {version} is not fit to be served: {error}") from error
    code = answer.tensors["OUTPUT__0"]
    if "INPUT__1" in tensors and ((code < tensors["INPUT__1"]).any() or (code > tensors["INPUT__2"]).any()):
        raise RolloutError(f"{model} version {version} leaves the photo's headroom, so pixels would clip.")
