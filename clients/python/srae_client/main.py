"""The command ``srae``: understands the command line, runs it, and turns what went wrong into an exit status."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from srae_client import embedded, installing, standard_output
from srae_client.arguments import build_parser
from srae_client.errors import SraeClientError, UsageError, file_error
from srae_client.exit_statuses import FAILED, INTERRUPTED, USAGE

#: Commands that call no server.
_KEEPING = ("keys", "ledger", "share")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line.

    Returns:
        the exit status: 0 all was done, 1 something failed, 2 the command makes no sense, 130 it was interrupted.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    return standard_output.guarded(lambda: _run(given))


def _run(given: Sequence[str]) -> int:
    if given[:1] == ["serve"]:
        return _serve(given[1:])
    parser = build_parser()
    arguments = parser.parse_args(given)
    try:
        if arguments.command in _KEEPING:
            from srae_client import keeping

            return keeping.run(arguments)
        return asyncio.run(_interruptible(_command(arguments.command)(arguments)))
    except UsageError as error:
        print(f"srae {arguments.command}: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        raise  # nobody reads on, so there is nobody to tell
    except (SraeClientError, OSError) as error:
        return _failed(arguments, error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("srae: interrupted. What was written is whole.", file=sys.stderr)
        return INTERRUPTED


def _command(name: str) -> Callable[[Namespace], Coroutine[Any, Any, int]]:
    from srae_client import commands  # loads gRPC, which nobody should wait for who asks for --help

    return {"protect": commands.protect, "restore": commands.restore, "evaluate": commands.evaluate}[name]


async def _interruptible(work: Coroutine[Any, Any, int]) -> int:
    """Treats SIGTERM, and SIGHUP of a terminal that is closed, as asyncio treats Ctrl-C, so that a server that was
    started is stopped."""
    task = asyncio.ensure_future(work)
    with contextlib.suppress(AttributeError, NotImplementedError):  # where the system has no such signals
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def _failed(arguments: Namespace, error: SraeClientError | OSError) -> int:
    """Reports what kept the whole command from being done."""
    if isinstance(error, OSError):
        error = file_error(error)
    if getattr(arguments, "json", False):
        explained = {"reason": error.reason, "message": error.message}
        print(json.dumps({"command": arguments.command, "error": explained}, indent=2))
    else:
        print(f"srae {arguments.command}: {error.message} [{error.reason}]", file=sys.stderr)
    return FAILED


def _serve(options: Sequence[str]) -> int:
    """Becomes the server."""
    try:
        embedded.require_installed()
    except SraeClientError:
        print(
            f"srae serve: the server is not installed. Install it: {installing.command('embedded')}.", file=sys.stderr
        )
        return FAILED
    os.execv(embedded.COMMAND[0], [*embedded.COMMAND, *options])
