"""Push, promote and roll back. On Triton each step is loaded before it counts; in process the files are enough."""

from __future__ import annotations

from pathlib import Path

from services.imaging.pipeline import READER
from services.inference.canary import canary_inputs
from services.inference.signature import SIGNATURES
from services.inference.triton import TritonBackend
from services.rollouts.canary import check, check_files
from services.rollouts.versions import STAGED, WITHDRAWN, RolloutError, Versions, in_order
from services.triton_server.control import Control, ControlError


async def push(versions: Versions, source: Path, version: int) -> list[str]:
    """Brings a version in, without serving it. Gives the models that have it.

    Raises:
        RolloutError: it is not fit to be served, or its number is not new.
    """
    for model in in_order(SIGNATURES):
        if (source / model / str(version)).is_dir():
            await check_files(source, model, version)
    return versions.stage(source, version)


async def promote(versions: Versions, version: int, triton_url: str = "") -> list[str]:
    """Serves a pushed version from now on. The one before stays, for what it protected. Gives the models.

    Raises:
        RolloutError: it was not pushed, or does not answer; then everything is as it was. Where Triton does not go
            back, a note says so, and what to do: the folders alone are as they were.
    """
    models = [model for model in in_order(SIGNATURES) if version in versions.aside(model, STAGED)]
    if not models:
        raise RolloutError(f"No version {version} was pushed. See what there is: srae-models list")
    done: list[str] = []
    try:
        for model in models:
            versions.move(model, version, STAGED, "")
            done.append(model)
            await _loaded(model, triton_url)
            if triton_url:
                await _check_served(model, version, triton_url)
    except BaseException as error:  # an interrupt, too: half a version must not stay
        if failures := await _put_back(versions, done, version, triton_url):
            error.add_note(
                f"The folders are as they were, but Triton can go on serving version {version}. Start it anew, and it "
                f"serves what it did before. What it said: {'; '.join(failures)}"
            )
        raise
    return models


async def rollback(versions: Versions, triton_url: str = "") -> dict[str, int]:
    """Goes back from the newest version to the one before. What reads codes keeps both. Gives what was withdrawn.

    Raises:
        RolloutError: there is none to go back to, or Triton does not load it.
    """
    others = [model for model in SIGNATURES if model != READER and versions.served(model)]
    newest = max((versions.served(model)[-1] for model in others), default=0)
    models = [model for model in others if versions.served(model)[-1] == newest]
    for model in models:
        if len(versions.served(model)) < 2:
            raise RolloutError(f"{model} has no version before {newest} to go back to.")
    for model in models:
        versions.move(model, newest, "", WITHDRAWN)
        await _loaded(model, triton_url)
    return dict.fromkeys(models, newest)


async def _put_back(versions: Versions, done: list[str], version: int, triton_url: str) -> list[str]:
    """Stages again what was promoted. Gives what Triton said where it did not load the version before."""
    # The writers go first, as in a rollback; and all folders before the first load, which can fail: a server that
    # starts, and services that run the models in process, go by the folders alone.
    for model in reversed(done):
        versions.move(model, version, "", STAGED)
    failures = []
    for model in reversed(done):
        try:
            await _loaded(model, triton_url)
        except RolloutError as failure:
            failures.append(str(failure))
    return failures


async def _loaded(model: str, triton_url: str) -> None:
    if triton_url:
        try:
            async with Control(triton_url) as control:
                await control.load(model)
        except ControlError as error:
            raise RolloutError(str(error)) from error


async def _check_served(model: str, version: int, triton_url: str) -> None:
    backend = TritonBackend(triton_url)
    try:
        await check(backend, model, version, canary_inputs(model))
    finally:
        await backend.close()
