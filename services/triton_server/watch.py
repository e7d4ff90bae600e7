"""Keeps a Triton server answering: Triton itself never restarts a stub that died, and calls itself ready meanwhile.

    the server died, or does not answer   it is started anew
    a model hangs                         the server is killed and started anew: unloading would wait for the model
    a model fails its canary              it is unloaded and loaded, which starts its stub anew

A model that fails again after that is left to a person, and looked after once a minute: the others must not suffer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from services.errors import SraeError
from services.inference.canary import canary_inputs
from services.inference.triton import NoAnswerError, TritonBackend
from services.triton_server.control import Control, ControlError
from services.triton_server.process import TritonProcess

#: Pauses between starts of a server that does not stay up: doubled each time, up to the longest.
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
#: How long a server may take until it answers, before it counts as hanging.
_START_SECONDS = 60.0
#: How long a model that was repaired in vain is left alone.
_REST_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Watch:
    """Watches over one server process.

    Args:
        models: the models that must answer.
        every_seconds: the pause between two rounds of canaries.
        patience_seconds: how long a canary may take, while the model gets nothing else done either.
    """

    def __init__(
        self,
        process: TritonProcess,
        url: str,
        models: Sequence[str],
        every_seconds: float = 5.0,
        patience_seconds: float = 10.0,
    ) -> None:
        self._process = process
        self._url = url
        self._models = models
        self._every_seconds = every_seconds
        self._patience_seconds = patience_seconds
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._rests_until: dict[str, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Starts the server, keeps it answering until it shall stop, and stops it."""
        canary = TritonBackend(self._url, self._patience_seconds, on_retry=None)
        try:
            async with Control(self._url) as control, asyncio.TaskGroup() as group:
                rounds = group.create_task(self._rounds(canary, control))
                await stop.wait()
                # In the middle of whatever it does: a start alone takes longer than whoever stops it waits.
                rounds.cancel()
        finally:
            await canary.close()
            await asyncio.to_thread(self._process.stop)

    async def _rounds(self, canary: TritonBackend, control: Control) -> None:
        while True:
            await self._round(canary, control)
            await asyncio.sleep(self._every_seconds)

    async def _round(self, canary: TritonBackend, control: Control) -> None:
        if self._process.pid is None:
            await self._start(control)
        try:
            hung = [model for model in self._models if not await self._answers(model, canary, control)]
        except ControlError as error:
            _log.error("the server is started anew: %s", error)
            await asyncio.to_thread(self._process.kill)
            return
        if hung:
            _log.error("the server is started anew: %s hangs", ", ".join(hung))
            await asyncio.to_thread(self._process.kill)
        else:
            self._pause_seconds = _FIRST_PAUSE_SECONDS

    async def _start(self, control: Control) -> None:
        await asyncio.sleep(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        _log.info("the server starts")
        self._process.start()
        deadline = time.monotonic() + _START_SECONDS
        while self._process.pid is not None and time.monotonic() < deadline:
            try:
                if all([await control.served(model) for model in self._models]):
                    return
            except ControlError:
                pass
            await asyncio.sleep(0.1)

    async def _answers(self, model: str, canary: TritonBackend, control: Control) -> bool:
        """False where the model hangs. One that fails is repaired.

        Raises:
            ControlError: the server does not answer.
        """
        before = await control.successes(model)
        try:
            await canary.infer(model, canary_inputs(model))
        except NoAnswerError:
            # One that has much to do is slow, and well.
            return await control.successes(model) > before
        except SraeError as error:
            if self._process.pid is not None and time.monotonic() > self._rests_until.get(model, 0.0):
                _log.error("%s is loaded anew: %s", model, error)
                await self._reload(model, canary, control)
        return True

    async def _reload(self, model: str, canary: TritonBackend, control: Control) -> None:
        """Raises:
        ControlError: it does not even unload.
        """
        await control.unload(model)
        try:
            await control.load(model)
            await canary.infer(model, canary_inputs(model))
        except (ControlError, SraeError) as error:
            self._rests_until[model] = time.monotonic() + _REST_SECONDS
            _log.error("%s still fails, look after it: %s", model, error)
