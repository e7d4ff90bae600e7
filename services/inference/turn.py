"""How long an inference waited for its turn: known where it is queued, told to whoever measures it.

Not a part of the answer: whoever waits longest gets none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_on_wait: ContextVar[Callable[[float], None]] = ContextVar("on_wait", default=lambda seconds: None)


def waited(seconds: float) -> None:
    """Tells that an inference waited so long, whether its turn came or not."""
    _on_wait.get()(seconds)


@contextmanager
def waits_told(on_wait: Callable[[float], None]) -> Iterator[None]:
    """What inferences inside wait, in seconds, is told."""
    token = _on_wait.set(on_wait)
    try:
        yield
    finally:
        _on_wait.reset(token)
