"""Until when the caller waits: known at the edge of the server, needed where models are called.

And until when what failed for a server's sake is tried again: known where something else could answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Points of time.monotonic(); infinite where nobody set one.
_deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))
_last_retry: ContextVar[float] = ContextVar("last_retry", default=float("inf"))


def seconds_left(at_most: float = float("inf")) -> float:
    """How long the caller still waits, 0 or more, but at most so long."""
    return min(at_most, max(0.0, _deadline.get() - time.monotonic()))


def may_retry() -> bool:
    """Whether what failed for a server's sake may still be tried again."""
    return time.monotonic() < _last_retry.get()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done inside has to end in so many seconds, or earlier where the caller does not wait so long."""
    with _no_later(_deadline, seconds):
        yield


@contextmanager
def retried_within(seconds: float) -> Iterator[None]:
    """What fails inside for a server's sake is tried again for so many seconds at most. An answer may take longer."""
    with _no_later(_last_retry, seconds):
        yield


@contextmanager
def _no_later(end: ContextVar[float], seconds: float) -> Iterator[None]:
    token = end.set(min(end.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        end.reset(token)
