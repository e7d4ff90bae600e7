"""The host as the browser starts it: from the first byte of standard input to the last frame."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from srae_host import settings
from srae_host.actions import HostActions
from srae_host.connection import Connection
from srae_host.errors import BrowserGone, Code, HostError
from srae_host.limits import Limits
from srae_host.pipes import Pipes
from srae_host.service import Service
from srae_host.settings import Settings, SettingsError

_SCHEME = "chrome-extension://"


def is_browsers_call(arguments: Sequence[str]) -> bool:
    """Whether a browser started the host, by what it passes.

    Chromium: ``chrome-extension://ID/``, on Windows a window's handle too. Firefox: the manifest's path and the
    add-on's id.
    """
    return bool(arguments) and (
        arguments[0].startswith(_SCHEME) or (len(arguments) == 2 and arguments[0].endswith(".json"))
    )


def run(arguments: Sequence[str]) -> NoReturn:
    """Serves the extension until the browser closes its end, then ends the process.

    The exit status: 0 the browser closed its end, 1 the connection could not go on.
    """
    pipes = Pipes()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="srae-host: %(message)s")
    status = asyncio.run(_run(arguments, pipes))
    sys.stderr.flush()
    # At once: a frame that waits for a browser which reads no more must not hold up the end.
    os._exit(status)


async def _run(arguments: Sequence[str], pipes: Pipes) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):  # where the system has no such signals
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    limits = Limits()
    try:
        chosen = settings.load()
        refusal = None if is_allowed(arguments, chosen) else _not_allowed()
    except SettingsError as error:
        chosen, refusal = Settings(), HostError(Code.INTERNAL, str(error))
    service = Service(chosen)
    connection = Connection(pipes.send, HostActions(service, limits), limits, refusal)
    try:
        await pipes.read(connection.feed)
    except (HostError, BrowserGone):
        return 1
    except asyncio.CancelledError:
        return 0
    finally:
        await connection.close()
        await service.close()
    return 0


def is_allowed(arguments: Sequence[str], chosen: Settings) -> bool:
    """Whether the extension that had the browser start the host is one of those it was installed for."""
    if arguments[0].startswith(_SCHEME):
        return arguments[0].removeprefix(_SCHEME).removesuffix("/") in chosen.chromium_ids
    return len(arguments) > 1 and arguments[1] in chosen.firefox_ids


def _not_allowed() -> HostError:
    return HostError(Code.ORIGIN_NOT_ALLOWED, "The host was installed for another extension.")
