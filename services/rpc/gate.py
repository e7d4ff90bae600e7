"""How much is taken on at once: beyond it, calls are refused instead of piling up in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from services.errors import Reason, UnavailableError

_RETRY_SECONDS = 2.0


class Gate:
    """Lets ``limit`` calls work at once, and as many again wait with their photos in memory.

    A call takes a place before its photo is read (``admitted``), and a turn once it is complete (``turn``): a slow
    upload therefore keeps nobody from working.
    """

    def __init__(self, limit: int) -> None:
        self._free = 2 * limit
        self.turn = asyncio.Semaphore(limit)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Holds a place.

        Raises:
            UnavailableError: all places are taken.
        """
        if self._free == 0:
            raise UnavailableError(
                f"The service is busy. Try again in {_RETRY_SECONDS:g} seconds.", Reason.OVERLOADED, _RETRY_SECONDS
            )
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
