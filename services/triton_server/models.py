"""srae-models: new versions of models on a Triton server, and back, without a failed request."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from services.config import Config
from services.inference.signature import SIGNATURES
from services.triton_server import rollout
from services.triton_server.control import Control, ControlError
from services.triton_server.trial import TrialError
from services.triton_server.versions import KEPT, VersionError, Versions, names

_REPOSITORY = Path(__file__).parents[2] / "triton_models"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except (VersionError, TrialError, rollout.RolloutError, ControlError) as error:
        print(f"srae-models: error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="srae-models",
        description=__doc__,
        epilog="A one-pass receipt names one version for protector and recoverer: promote the recoverer first, roll "
        "the protector back first. SRAE_REPOSITORY and SRAE_TRITON_URL stand for the options.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("list", _list, "show every version and whether it answers"),
        ("push", _push, "try a model file outside the server, and keep it waiting where it is fit"),
        ("promote", _promote, "load a version that waits and shift calls to it; the one before stays served"),
        ("rollback", _rollback, "shift calls back to the version before the newest, which then waits"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        if name != "list":
            command.add_argument("model", choices=sorted(SIGNATURES))
        if name == "push":
            command.add_argument("file", type=Path, help="TorchScript, as training.export writes it")
            command.add_argument("--version", type=_number, help="its number (default: the next free one)")
        if name == "promote":
            command.add_argument("version", type=_number, nargs="?", help="default: the newest that waits")
        repository = Path(os.environ.get("SRAE_REPOSITORY") or _REPOSITORY)
        command.add_argument("--repository", type=Path, default=repository, help="default: %(default)s")
        if name != "push":
            url = os.environ.get("SRAE_TRITON_URL") or Config.triton_url
            command.add_argument("--triton-url", default=url, help="one server's gRPC address (default: %(default)s)")
    return parser


def _list(given: argparse.Namespace) -> None:
    table = Table("model", "version", "state")
    for model in names(given.repository):
        versions = Versions(given.repository, model)
        served = asyncio.run(_served(model, given.triton_url))
        for version in versions.in_place():
            dropped = f"not served: the server keeps the newest {KEPT}"
            state = "answers" if version == max(served, default=0) else "kept" if version in served else dropped
            table.add_row(model, str(version), state)
        for version in versions.staged():
            table.add_row(model, str(version), "waits")
    Console().print(table)


async def _served(model: str, url: str) -> list[int]:
    async with Control(url) as control:
        return await control.served(model)


def _push(given: argparse.Namespace) -> None:
    version = rollout.push(given.repository, given.model, given.file, given.version)
    print(f"{given.model} {version} is fit and waits. Shift calls to it: srae-models promote {given.model} {version}")


def _promote(given: argparse.Namespace) -> None:
    version = asyncio.run(rollout.promote(given.repository, given.model, given.triton_url, given.version))
    print(f"{given.model} {version} answers now. Back again: srae-models rollback {given.model}")


def _rollback(given: argparse.Namespace) -> None:
    version = asyncio.run(rollout.rollback(given.repository, given.model, given.triton_url))
    print(f"{given.model} {version} answers now.")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
