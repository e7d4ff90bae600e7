"""Work off the event loop whose results are photos."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """``asyncio.to_thread`` that lets the result go.

    asyncio's own keeps it in two futures that know each other, until the garbage collector comes by: a call held photos
    long after it was done with them.
    """
    results: list[R] = []
    await asyncio.to_thread(lambda: results.append(work(*args, **kwargs)))
    return results.pop()
