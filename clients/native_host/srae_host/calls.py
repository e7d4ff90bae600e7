"""One request on its way: its files come in, its answer is worked out, its files go out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from srae_host.errors import BrowserGone, Code, HostError
from srae_host.limits import Limits
from srae_host.requests import Request
from srae_host.transfer import File, Incoming, chunk_frame, chunks

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
#: Tells the extension which stage a request has reached.
Report = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Answer:
    """What an action gives back."""

    result: Mapping[str, Any]
    files: Mapping[str, File] = field(default_factory=dict)


class Actions(Protocol):
    """What can be asked of the host."""

    async def run(self, request: Request, files: Mapping[str, File], report: Report) -> Answer:
        """Does what a request asks.

        Raises:
            HostError: it cannot be done.
        """


class Call:
    """A request under way.

    Attributes:
        request: what was asked.
        task: what works on it.
    """

    task: asyncio.Task[None]

    def __init__(self, request: Request, limits: Limits, send: Send) -> None:
        self.request = request
        self._limits = limits
        self._send = send
        self._incoming = {role: Incoming(described, limits) for role, described in request.files.items()}
        self._came = asyncio.Event()
        self._stage = "working"

    @property
    def pending_bytes(self) -> int:
        """What its files take, once they are complete."""
        return sum(described.size_bytes for described in self.request.files.values())

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Takes a piece of a file.

        Raises:
            HostError: it does not fit.
        """
        role = chunk.get("file")
        if not isinstance(role, str) or role not in self._incoming:
            raise HostError(Code.CHUNK_INVALID, "A chunk is of a file that was not described.")
        self._incoming[role].add(chunk)
        self._came.set()

    async def answer(self, actions: Actions) -> Mapping[str, Any]:
        """The final frame's fields, once everything before it was sent.

        Raises:
            HostError: the request failed.
        """
        await self._wait_for_files()
        files = {role: incoming.file() for role, incoming in self._incoming.items()}
        self._incoming.clear()  # the bytes are in memory once, not twice
        heartbeat = asyncio.create_task(self._beat())
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                answer = await actions.run(self.request, files, self._report)
                for role, file in answer.files.items():
                    for number, piece in enumerate(chunks(file.data, self._limits.chunk_bytes)):
                        await self._send(chunk_frame(self.request.id, role, number, piece))
        except TimeoutError:
            seconds = f"{self._limits.request_seconds:.0f} seconds"
            raise HostError(Code.REQUEST_TIMEOUT, f"The request was not done in {seconds}.") from None
        finally:
            heartbeat.cancel()
        described = {role: file.described().as_json() for role, file in answer.files.items()}
        return {"result": answer.result, "files": described}

    async def _wait_for_files(self) -> None:
        while not all(incoming.is_complete for incoming in self._incoming.values()):
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), self._limits.chunk_seconds)
            except TimeoutError:
                seconds = f"{self._limits.chunk_seconds:.0f} seconds"
                raise HostError(Code.CHUNK_TIMEOUT, f"No chunk of the file came for {seconds}.") from None

    async def _report(self, stage: str) -> None:
        if stage != self._stage:
            self._stage = stage
            await self._send_progress()

    async def _send_progress(self) -> None:
        await self._send({"type": "progress", "id": self.request.id, "stage": self._stage})

    async def _beat(self) -> None:
        with suppress(BrowserGone):  # whoever reads from it ends the connection
            while True:
                await asyncio.sleep(self._limits.heartbeat_seconds)
                await self._send_progress()
