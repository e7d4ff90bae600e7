"""Standard input and output, which belong to frames alone."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

from srae_host import framing
from srae_host.errors import BrowserGone

_PIECE_BYTES = 1 << 18


class Pipes:
    """The two ends to the browser, as private descriptors.

    What else reads standard input finds it empty; what else writes to standard output, in Python or in a library's C,
    lands on standard error, for one stray byte would end the connection.
    """

    def __init__(self) -> None:
        self._in, self._out = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        if sys.platform == "win32":
            import msvcrt

            for descriptor in (self._in, self._out):
                msvcrt.setmode(descriptor, os.O_BINARY)
        # One thread, so frames go out whole and in order, and a browser that reads slowly holds up nobody else.
        self._writer = ThreadPoolExecutor(1, "frames")

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a frame. Frames go out in the order of the calls.

        Raises:
            BrowserGone: nobody reads any more.
            ValueError: the message is no frame's.
        """
        frame = framing.encode(message)
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._write, frame)
        except OSError:
            raise BrowserGone from None

    def _write(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            rest = rest[os.write(self._out, rest) :]

    async def read(self, feed: Callable[[bytes], Awaitable[None]]) -> None:
        """Feeds what comes until the browser closes its end, one piece at a time: the browser waits meanwhile.

        Raises:
            whatever ``feed`` raises.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        async def take(piece: bytes) -> None:  # a coroutine, as run_coroutine_threadsafe wants it
            await feed(piece)

        def finish(error: BaseException | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def pump() -> None:
            error: BaseException | None = None
            try:
                while piece := os.read(self._in, _PIECE_BYTES):
                    asyncio.run_coroutine_threadsafe(take(piece), loop).result()
            except (OSError, CancelledError):
                pass  # the browser went, or the host is ending: as if it had closed its end
            except Exception as raised:
                error = raised
            if not loop.is_closed():
                loop.call_soon_threadsafe(finish, error)

        # A thread, for Windows' pipes cannot be waited for otherwise; a daemon, for a read that never ends.
        threading.Thread(target=pump, name="browser", daemon=True).start()
        await done
