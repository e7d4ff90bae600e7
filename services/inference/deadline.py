"""Until when the caller waits: known at the edge of the server, needed where models are called."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: A point of time.monotonic(); infinite where the caller set none.
_deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))


def seconds_left(at_most: float = float("inf")) -> float:
    """How long the caller still waits, 0 or more, but at most so long."""
    return min(at_most, max(0.0, _deadline.get() - time.monotonic()))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done inside has to end in so many seconds, or earlier where the caller does not wait so long."""
    token = _deadline.set(min(_deadline.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)
