"""A server of our own for one call: started as a child process, stopped whatever happens."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

from srae_client import installing
from srae_client.errors import LocalReason, SraeClientError

#: -P: a folder named `services` where the user happens to be must not be run in the server's place.
COMMAND = (sys.executable, "-P", "-m", "services")
#: Meant for a server that others reach; ours is reached by its socket alone.
_NOT_OURS = ("SRAE_TLS_CERT", "SRAE_TLS_KEY", "SRAE_TLS_CLIENT_CA", "SRAE_METRICS_PORT")
#: Loading the models takes seconds, minutes on a computer that is busy or slow.
START_SECONDS = 180.0
STOP_SECONDS = 10.0
#: A code that is being searched cannot be stopped from outside. Once interrupted, nobody waits for it, and the server
#: keeps nothing that could be lost.
INTERRUPTED_SECONDS = 1.0
#: As much of the server's log as is shown when it dies.
_LAST_WORDS = 20


def require_installed() -> None:
    """Raises SraeClientError when the server is not part of this installation."""
    try:
        found = importlib.util.find_spec("services.__main__")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise SraeClientError(
            LocalReason.SERVER_NOT_INSTALLED,
            "No server was named, none runs on this computer, and the embedded one is not installed. "
            f"Install it ({installing.command('embedded')}), or name a server with --endpoint HOST:PORT.",
        )


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    """The address of a server that lives as long as the context. Only this user can reach its socket.

    Raises:
        SraeClientError: it is not installed, or it did not start.
    """
    require_installed()
    with tempfile.TemporaryDirectory(prefix="srae-") as private, tempfile.TemporaryFile() as log:
        address = f"unix:{private}/srae.sock"
        # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop the server once its work is safe.
        process = await asyncio.create_subprocess_exec(
            *(*COMMAND, "--listen", address, "--stop-with-stdin"),
            stdin=PIPE,  # never written to: it ends when we do, kill -9 included, and the server with it
            stdout=PIPE,
            stderr=log,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name not in _NOT_OURS},
        )
        patience = STOP_SECONDS
        try:
            await _wait_until_ready(process, log)
            yield address
        except BaseException:  # a terminal that was closed can be an OSError here, of what was to be shown there
            patience = INTERRUPTED_SECONDS
            raise
        finally:
            await _stop(process, patience)


async def _wait_until_ready(process: Process, log: IO[bytes]) -> None:
    assert process.stdout is not None  # for the type checker: it was asked for above
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    except TimeoutError:
        raise _did_not_start(f"was not ready after {START_SECONDS:.0f} seconds", log) from None
    if not line.startswith(b"listening"):
        raise _did_not_start("stopped while starting", log)


def _did_not_start(what: str, log: IO[bytes]) -> SraeClientError:
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()[-_LAST_WORDS:]
    said = "It said:\n  " + "\n  ".join(lines) if lines else "It said nothing."
    return SraeClientError(
        LocalReason.SERVER_DID_NOT_START,
        f"The embedded server {what}. Run `srae serve` to see why, or name a server with --endpoint. {said}",
    )


async def _stop(process: Process, patience: float) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), patience)
    except TimeoutError:
        process.kill()
        await process.wait()
