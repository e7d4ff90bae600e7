"""The one port to the extension: many requests at once, each answered by exactly one final frame (PROTOCOL.md)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from srae_host import framing, requests
from srae_host.calls import Actions, Call, Send
from srae_host.errors import BrowserGone, Code, HostError
from srae_host.limits import Limits

log = logging.getLogger(__name__)


class Connection:
    """Knows which requests are under way. Frames go out in the order in which ``send`` is called."""

    def __init__(self, send: Send, actions: Actions, limits: Limits, refusal: HostError | None = None) -> None:
        """``refusal``: what every request is answered, where the host will not serve this extension."""
        self._send = send
        self._actions = actions
        self._limits = limits
        self._refusal = refusal
        self._calls: dict[str, Call] = {}
        self._was_greeted = False
        self._splitter = framing.Splitter()

    async def feed(self, piece: bytes) -> None:
        """Takes the next bytes from the browser.

        Raises:
            HostError: the stream cannot be followed any further; the extension was told.
        """
        try:
            for text in self._splitter.feed(piece):
                await self._receive(text)
        except HostError as error:
            await self._send(_error_frame(None, error))
            raise

    async def close(self) -> None:
        """Ends what is under way, unanswered."""
        tasks = [call.task for call in self._calls.values()]
        self._calls.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self, text: bytes) -> None:
        identity: str | None = None
        try:
            frame = framing.decode(text)
            kind = frame.get("type")
            if kind not in ("request", "chunk", "cancel"):
                raise HostError(Code.MALFORMED_FRAME, "A frame is of no type that the host takes.")
            identity = requests.read_id(frame)
            if kind == "request":
                self._begin(identity, frame)
            elif identity in self._calls:
                await self._continue(kind, identity, frame)
        except HostError as error:
            await self._fail(identity, error)

    def _begin(self, identity: str, frame: Mapping[str, Any]) -> None:
        if self._refusal is not None:
            raise self._refusal
        if identity in self._calls:
            raise HostError(Code.DUPLICATE_ID, "The id is that of a request under way, which was ended.")
        action = frame.get("action")
        if isinstance(action, str) and action not in requests.OPEN_ACTIONS and not self._was_greeted:
            raise HostError(Code.HELLO_FIRST, "A connection begins with hello.")
        call = Call(requests.parse(frame, self._limits), self._limits, self._send)
        if len(self._calls) >= self._limits.requests:
            raise HostError(Code.TOO_MANY_REQUESTS, f"{self._limits.requests} requests are under way.")
        pending = sum(other.pending_bytes for other in self._calls.values()) + call.pending_bytes
        if pending > self._limits.pending_bytes:
            raise HostError(Code.TOO_MANY_REQUESTS, "The files under way would be larger than the host holds.")
        self._calls[identity] = call
        call.task = asyncio.create_task(self._work(call))

    async def _continue(self, kind: str, identity: str, frame: Mapping[str, Any]) -> None:
        if kind == "cancel":
            raise HostError(Code.CANCELLED, "The request was cancelled.")
        self._calls[identity].add(frame)

    async def _fail(self, identity: str | None, error: HostError) -> None:
        """The final frame of a request that failed, or a word about the connection."""
        call = self._calls.pop(identity, None) if identity is not None else None
        if call is not None:
            call.task.cancel()
        await self._send(_error_frame(identity, error))

    async def _work(self, call: Call) -> None:
        """Sees a request through to its final frame, unless somebody else ends it."""
        identity = call.request.id
        try:
            final = {"type": "result", "id": identity, **await call.answer(self._actions)}
            framing.require_framable(final)
        except HostError as error:
            final = _error_frame(identity, error)
        except BrowserGone:
            return  # whoever reads from it ends the connection
        except Exception as error:
            # Its message could name a file or hold a key: the type and the place must do.
            log.error("%s failed: %s at %s", call.request.action, type(error).__name__, _place(error))
            final = _error_frame(identity, HostError(Code.INTERNAL, "Something unforeseen went wrong in the host."))
        if self._calls.get(identity) is not call:
            return
        del self._calls[identity]
        self._was_greeted |= call.request.action == "hello" and final["type"] == "result"
        with suppress(BrowserGone):  # whoever reads from it ends the connection
            await self._send(final)


def _error_frame(identity: str | None, error: HostError) -> dict[str, Any]:
    code = error.code
    return {
        "type": "error",
        "id": identity,
        "code": str(code),
        "message": error.message,
        "hint": code.hint,
        "retryable": code.retryable,
        "detail": error.detail,
    }


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
