"""srae-models: new versions of models, without a failed request."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from services.inference.signature import SIGNATURES
from services.rollouts import rollout
from services.rollouts.versions import STAGED, WITHDRAWN, RolloutError, Versions

_REPOSITORY = Path(__file__).parents[2] / "triton_models"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``srae-models``."""
    given = _parser().parse_args(arguments)
    if not given.repository.is_dir():
        print(f"error: there is no model repository at {given.repository}.", file=sys.stderr)
        return 1
    try:
        asyncio.run(given.run(given, Versions(given.repository)))
    except RolloutError as error:
        print(f"error: {error}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="srae-models",
        description="New versions of models: push one, promote it, roll it back. No photo depends on a version: its "
        "code is in its receipt, or in its own pixels.",
    )
    parser.add_argument(
        "--repository", type=Path, default=_REPOSITORY, metavar="FOLDER", help="the model repository (%(default)s)"
    )
    parser.add_argument(
        "--triton-url",
        default=os.environ.get("SRAE_TRITON_URL", ""),
        metavar="HOST:PORT",
        help="the Triton server that serves the repository; without one, services that run the models in process "
        "take up the change by themselves (default: SRAE_TRITON_URL)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("list", help="show each model's versions").set_defaults(run=_list)
    push = commands.add_parser("push", help="check a version that training.export wrote elsewhere, and bring it in")
    push.add_argument("source", type=Path, help="the folder that training.export --repository wrote")
    push.add_argument("version", type=int, help="its number, higher than any before")
    push.set_defaults(run=_push)
    promote = commands.add_parser("promote", help="serve a pushed version; the one before is kept to go back to")
    promote.add_argument("version", type=int)
    promote.set_defaults(run=_promote)
    rollback = commands.add_parser("rollback", help="go back from the newest version to the one before")
    rollback.set_defaults(run=_rollback)
    return parser


async def _list(given: argparse.Namespace, versions: Versions) -> None:
    for model in sorted(SIGNATURES):
        states = {
            "served": versions.served(model),
            STAGED: versions.aside(model, STAGED),
            WITHDRAWN: versions.aside(model, WITHDRAWN),
        }
        print(
            model,
            *(f"{state}: {', '.join(map(str, numbers))}" for state, numbers in states.items() if numbers),
            sep="  ",
        )


async def _push(given: argparse.Namespace, versions: Versions) -> None:
    models = await rollout.push(versions, given.source, given.version)
    print(f"Version {given.version} is staged: {', '.join(models)}. Serve it: srae-models promote {given.version}")


async def _promote(given: argparse.Namespace, versions: Versions) -> None:
    models = await rollout.promote(versions, given.version, given.triton_url)
    print(f"Version {given.version} serves: {', '.join(models)}.")


async def _rollback(given: argparse.Namespace, versions: Versions) -> None:
    withdrawn = await rollout.rollback(versions, given.triton_url)
    print("Withdrawn:", ", ".join(f"{model} {version}" for model, version in withdrawn.items()))


if __name__ == "__main__":
    sys.exit(main())
