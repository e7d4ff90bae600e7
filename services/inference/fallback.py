"""Goes on in process while Triton is gone.

A call that failed is answered here, and says little about the server: its caller may have been in a hurry, or its
input odd. So canaries in the background decide, a model at a time, whether calls go on asking the server. Nobody waits
for them.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable

from services.errors import SraeError, UnavailableError, UnknownModelError
from services.inference.backend import Backend, Inference, Tensors
from services.inference.deadline import retried_within, seconds_left, within
from services.inference.signature import SIGNATURES

#: What failed for the server's sake is tried again for so long: enough for another of several servers to be found.
_RETRY_SECONDS = 0.5
#: How long a canary may take while the model answers nothing else either. The server's watcher is as patient.
_CANARY_SECONDS = 10.0
#: The pause until a model that failed its canary gets the next one.
_PAUSE_SECONDS = 5.0
#: The server gets so much of the time that the caller has left; the rest is for doing it here.
_SHARE = 0.5
_log = logging.getLogger(__name__)


class FallbackBackend:
    """Asks ``first``; what that cannot answer, ``second``. A model that fails its canaries is not asked of ``first``.

    Args:
        seconds: the most that ``first`` may take for an inference.
        on_use: told of each inference the model's name, and whether it was left to ``second``.
    """

    def __init__(
        self, first: Backend, second: Backend, seconds: float, on_use: Callable[[str, bool], None] = lambda *_: None
    ) -> None:
        self._first = first
        self._second = second
        self._seconds = seconds
        self._on_use = on_use
        #: Models that ``first`` is not asked for, until their canary passes.
        self._away: set[str] = set()
        #: Models that ``second`` was the last to answer for.
        self._in_use: set[str] = set()
        self._canaries: dict[str, asyncio.Task[None]] = {}

    @property
    def in_use(self) -> bool:
        """Whether ``second`` stands in for any model, as far as the last inference or canary of each tells."""
        return bool(self._in_use)

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        """See ``Backend.infer``."""
        # The server may well have it: whoever holds a receipt must not be told that nobody does.
        refusal: SraeError = UnavailableError(f"Model {model!r} cannot be reached just now.")
        if model not in self._away:
            try:
                with within(min(self._seconds, _SHARE * seconds_left())), retried_within(_RETRY_SECONDS):
                    answer = await self._first.infer(model, tensors, version)
            except UnknownModelError as error:
                refusal = error
            except UnavailableError as error:
                _log.warning("going on in process: %s", error)
                refusal = error
                self._doubt(model)
            else:
                self._note(model, False)
                self._on_use(model, False)
                return answer
        self._note(model, True)
        self._on_use(model, True)
        try:
            return await self._second.infer(model, tensors, version)
        except UnknownModelError:
            raise refusal from None
        finally:
            del refusal  # its traceback knows this frame, and the photos in it

    async def ready(self, model: str) -> bool:
        """Whether either can answer."""
        try:
            if model not in self._away and await self._passes(model):
                self._note(model, False)
                return True
        except UnknownModelError as error:
            _log.warning("in process, for the server lacks it: %s", error)
        if not await self._second.ready(model):
            return False
        self._note(model, True)
        return True

    async def close(self) -> None:
        """Lets go of both."""
        canaries = list(self._canaries.values())
        for canary in canaries:
            canary.cancel()
        await asyncio.gather(*canaries, return_exceptions=True)
        await self._first.close()
        await self._second.close()

    def _note(self, model: str, is_second: bool) -> None:
        if is_second:
            self._in_use.add(model)
        else:
            self._in_use.discard(model)

    def _doubt(self, model: str) -> None:
        """Has canaries find out whether ``first`` answers, unless they are at it."""
        if model not in self._canaries:
            # In a context of its own, or the caller's deadline would be the canary's.
            self._canaries[model] = asyncio.create_task(self._until_back(model), context=contextvars.Context())
            self._canaries[model].add_done_callback(lambda _: self._canaries.pop(model))

    async def _until_back(self, model: str) -> None:
        """Keeps calls from asking ``first`` while the model fails its canaries."""
        try:
            while not await self._passes(model):
                if model not in self._away:
                    _log.warning("%s runs in process until the server answers again", model)
                    self._away.add(model)
                    # It may be the whole server: the others' callers need not find that out, each by a wait.
                    for other in SIGNATURES:
                        self._doubt(other)
                await asyncio.sleep(_PAUSE_SECONDS)
            self._note(model, False)
        except UnknownModelError:
            pass  # the server is there, and says itself what it lacks
        finally:
            self._away.discard(model)

    async def _passes(self, model: str) -> bool:
        # Tried once: while it is tried, calls still go to the server.
        with within(_CANARY_SECONDS), retried_within(0.0):
            return await self._first.ready(model)
