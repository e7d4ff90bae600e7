"""Goes on in process while Triton is gone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from services.errors import UnavailableError, UnknownModelError
from services.inference.backend import Backend, Inference, Tensors
from services.inference.deadline import seconds_left, within

#: How long nothing is asked of a server that failed. Then one call finds out whether it is back.
_REST_SECONDS = 5.0
#: The server gets so much of the caller's time; the rest is for doing it here.
_SHARE = 0.5
_log = logging.getLogger(__name__)


class FallbackBackend:
    """Asks ``first``; while that is unavailable, ``second``.

    Args:
        seconds: the most that one inference may take where the caller sets no nearer deadline.
        on_use: told the model's name, and whether ``second`` answers now.
    """

    def __init__(
        self, first: Backend, second: Backend, seconds: float, on_use: Callable[[str, bool], None] = lambda *_: None
    ) -> None:
        self._first = first
        self._second = second
        self._seconds = seconds
        self._on_use = on_use
        self._rests_until = 0.0

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        """See ``Backend.infer``."""
        if time.monotonic() >= self._rests_until:
            try:
                with within(_SHARE * seconds_left(self._seconds)):
                    answer = await self._first.infer(model, tensors, version)
            except UnavailableError as error:
                self._rests_until = time.monotonic() + _REST_SECONDS
                _log.warning("going on in process: %s", error)
            else:
                self._on_use(model, False)
                return answer
        self._on_use(model, True)
        try:
            return await self._second.infer(model, tensors, version)
        except UnknownModelError as error:
            # The server may well have it: whoever holds a receipt must not be told that nobody does.
            raise UnavailableError(f"Model {model!r} cannot be reached just now.") from error

    async def ready(self, model: str) -> bool:
        """Whether either can answer."""
        return await self._first.ready(model) or await self._second.ready(model)

    async def close(self) -> None:
        """Lets go of both."""
        await self._first.close()
        await self._second.close()
