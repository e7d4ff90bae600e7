"""Two backends, of which the second stands in while the first does not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from services.errors import UnavailableError, UnknownModelError
from services.inference.backend import Backend, Inference, Tensors
from services.inference.deadline import seconds_left, within

#: The most that the first backend may take, where the caller waits long enough for both.
_PATIENCE_SECONDS = 10.0
#: For how long a model that did not answer is not asked: or every caller would wait for one that hangs.
_REST_SECONDS = 5.0
_log = logging.getLogger(__name__)


class FallbackBackend:
    """Asks the first backend, and the second where the first is unavailable.

    Args:
        on_fallback: told the model's name at each inference of the second.
    """

    def __init__(self, first: Backend, second: Backend, on_fallback: Callable[[str], None]) -> None:
        self._first = first
        self._second = second
        self._on_fallback = on_fallback
        self._rests_until: dict[str, float] = {}

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        """See ``Backend.infer``."""
        failure: UnavailableError | None = None
        if time.monotonic() >= self._rests_until.get(model, 0.0):
            try:
                # Half of the caller's time is kept for the second.
                with within(min(_PATIENCE_SECONDS, seconds_left() / 2)):
                    return await self._first.infer(model, tensors, version)
            except UnavailableError as error:
                failure = error
                self._rests_until[model] = time.monotonic() + _REST_SECONDS
                _log.warning("%s runs in this process for now: %s", model, error)
        self._on_fallback(model)
        try:
            return await self._second.infer(model, tensors, version)
        except UnknownModelError as error:
            # The first may well have it, so the caller must not be told that nobody has.
            raise failure or UnavailableError(f"Model {model!r} is not served just now.") from error

    async def ready(self, model: str) -> bool:
        """Whether either answers."""
        return await self._first.ready(model) or await self._second.ready(model)

    async def close(self) -> None:
        """Closes both."""
        await self._first.close()
        await self._second.close()
