"""New versions of models on a running Triton server, without a failed request.

    push      the file is tried outside the server, and waits
    promote   it is put in place and loaded; calls shift to it; the version before goes on being served
    rollback  the newest is taken back; calls shift to the version before

Calls that name no version get the newest. A receipt names its version, and restoring asks for that one.
"""

from __future__ import annotations

from pathlib import Path

from services.errors import SraeError
from services.imaging.pipeline import READER, WRITERS
from services.imaging.receipt import Tier
from services.inference.canary import canary_inputs
from services.inference.triton import TritonBackend
from services.triton_server import trial
from services.triton_server.control import Control, ControlError
from services.triton_server.versions import VersionError, Versions, names

#: Its receipts name one version for both: the recoverer of the same number reads what it writes.
_WRITER = WRITERS[Tier.ONE_PASS]


class RolloutError(Exception):
    """The server did not take it, and serves what it served before. The sentence says why."""


def push(repository: Path, model: str, file: Path, version: int | None = None) -> int:
    """Tries a model file outside the server, and keeps it waiting where it is fit.

    Returns:
        Its version.

    Raises:
        VersionError: there is such a version, or no such model or file.
        TrialError: it is not fit to serve. Nothing is kept.
    """
    versions = Versions(repository, model)
    number = versions.next() if version is None else version
    versions.stage(file, number)
    try:
        trial.run(versions.staging, model, number)
    except BaseException:
        versions.discard(number)
        raise
    return number


async def promote(repository: Path, model: str, url: str, version: int | None = None) -> int:
    """Shifts calls to a version that waits; one that is in place already is loaded and tried, for a further server.

    Returns:
        The version.

    Raises:
        VersionError: there is no such version, or it must not come yet.
        RolloutError: the server does not load it, or it does not answer there. It waits again.
    """
    versions = Versions(repository, model)
    staged = versions.staged()
    number = version if version is not None else max(staged, default=0)
    if number not in {*staged, *versions.in_place()}:
        raise VersionError(f"{model} has no version {number or 'that waits'}. See `srae-models list`.")
    newest = max(versions.in_place(), default=0)
    if number < newest:
        raise VersionError(f"{model} has the newer version {newest} in place. Roll that back first.")
    async with Control(url) as control:
        if model == _WRITER and number not in await _served(control, READER):
            raise VersionError(
                f"No {READER} {number} is served, which reads what {model} {number} writes: it is first."
            )
        if number not in staged:
            await _load(model, number, url, control)
            return number
        versions.put_in_place(number)
        try:
            await _load(model, number, url, control)
        except RolloutError as error:
            versions.take_back(number)
            await _load_again(model, control, error)
            raise
    return number


async def rollback(repository: Path, model: str, url: str) -> int:
    """Shifts calls back to the version before the newest, which then waits.

    Returns:
        The version that answers now.

    Raises:
        VersionError: there is no version before it, or another model needs it.
        RolloutError: the server does not do it.
    """
    versions = Versions(repository, model)
    *earlier, newest = versions.in_place() or [0]
    if not earlier:
        raise VersionError(f"{model} has no version before {newest}.")
    if model == READER and _WRITER in names(repository) and newest in Versions(repository, _WRITER).in_place():
        raise VersionError(f"{_WRITER} {newest} is served, and needs {model} {newest}: roll {_WRITER} back first.")
    async with Control(url) as control:
        versions.take_back(newest)
        try:
            await control.load(model)
        except ControlError as error:
            versions.put_in_place(newest)
            raise RolloutError(str(error)) from error
    return earlier[-1]


async def _served(control: Control, model: str) -> list[int]:
    try:
        return await control.served(model)
    except ControlError as error:
        raise RolloutError(str(error)) from error


async def _load(model: str, version: int, url: str, control: Control) -> None:
    """Loads a version that is in place, and sees it answer on the server."""
    backend = TritonBackend(url, on_retry=None)
    try:
        await control.load(model)
        await backend.infer(model, canary_inputs(model), str(version))
    except (ControlError, SraeError) as error:
        raise RolloutError(f"{model} {version} does not serve: {error}") from error
    finally:
        await backend.close()


async def _load_again(model: str, control: Control, first: RolloutError) -> None:
    try:
        await control.load(model)
    except ControlError as error:
        raise RolloutError(f"{first} Nor does what was served before: {error}") from first
