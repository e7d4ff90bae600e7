"""Work off the event loop whose results are photos."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """``asyncio.to_thread`` that lets the result go, and that ends no earlier than the work.

    asyncio's own keeps the result in two futures that know each other, until the garbage collector comes by: a call
    held photos long after it was done with them. And it ends at once where the call is cancelled, while the thread,
    which nobody can stop, goes on: whoever cancels one call after the other would have all threads busy and the server
    believe that nothing is done.
    """
    results: list[R] = []
    # Taken out of here when it begins: the traceback of an error holds what a function was made with.
    asked = [partial(work, *args, **kwargs)]
    is_unwanted = threading.Event()

    def run() -> None:
        call = asked.pop()
        if not is_unwanted.is_set():  # cancelled while it waited for a thread
            results.append(call())

    thread = asyncio.ensure_future(asyncio.to_thread(run))
    await _ended(thread, is_unwanted)
    thread.result()
    return results.pop()


async def _ended(thread: asyncio.Future[None], is_unwanted: threading.Event) -> None:
    """Waits for it, however often the wait is cancelled.

    Raises:
        CancelledError: it was.
    """
    cancelled: asyncio.CancelledError | None = None
    while not thread.done():
        try:
            await asyncio.wait([thread])
        except asyncio.CancelledError as error:
            is_unwanted.set()
            cancelled = error
    if cancelled is not None:
        if not thread.cancelled():
            thread.exception()  # is told to nobody
        raise cancelled
