"""The service that the host calls: the one that was named, the one that runs on this computer, or one of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from srae_client import authorities, embedded, endpoint
from srae_client.errors import LocalReason, SraeClientError

from srae_host.settings import Settings

if TYPE_CHECKING:  # it loads gRPC, for which hello must not wait
    from srae_client.client import Client

_Made = TypeVar("_Made")
Report = Callable[[str], Awaitable[None]]

#: Photos on their way at once: while the server decodes one it can run its models on another.
_IN_FLIGHT = 3
#: How long to wait before asking again where the service says that it is busy.
_RETRY_SECONDS = (1.0, 3.0, 9.0)
_RETRIED = ("OVERLOADED", "MODEL_UNAVAILABLE")


class Service:
    """Connects when it is first needed, and again after the connection was lost."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._named = settings.endpoint or os.environ.get(endpoint.ENVIRONMENT, "")
        self._gate = asyncio.Semaphore(_IN_FLIGHT)
        self._connecting: asyncio.Task[Client] | None = None
        self._release = AsyncExitStack()
        self._kind = ""

    def seen(self) -> dict[str, str]:
        """What can be told of the service without calling it."""
        if self._named:
            return {"kind": "named", "address": self._named}
        made = self._connecting
        if made is not None and made.done() and not self._has_failed(made):
            return {"kind": self._kind, "address": made.result().address}
        if endpoint.is_running(endpoint.default_socket()):
            return {"kind": "running", "address": f"unix:{endpoint.default_socket()}"}
        try:
            embedded.require_installed()
        except SraeClientError:
            return {"kind": "none", "address": ""}
        return {"kind": "embedded", "address": ""}

    async def wake(self, report: Report) -> None:
        """Sees to it that the service can be called.

        Raises:
            SraeClientError: it cannot.
        """
        await (await self._client(report)).wait_until_reachable()

    async def call(self, job: Callable[[Client], Awaitable[_Made]], report: Report) -> _Made:
        """Does one call, when it is its turn.

        Raises:
            SraeClientError: the service refused, or cannot be reached.
        """
        if self._gate.locked():
            await report("queued")
        async with self._gate:
            client = await self._client(report)
            await report("working")
            for pause in (*_RETRY_SECONDS, None):
                try:
                    return await job(client)
                except SraeClientError as error:
                    if error.reason == LocalReason.UNREACHABLE:
                        await self._disconnect(client)
                    if error.reason not in _RETRIED or pause is None:
                        raise
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns")

    async def close(self) -> None:
        """Ends the connection, and the service if the host started it."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
            self._connecting = None
        await self._release.aclose()

    async def _client(self, report: Report) -> Client:
        """The connection, which is made once, whoever asks first and whoever stops waiting for it."""
        if self._connecting is None or (self._connecting.done() and self._has_failed(self._connecting)):
            self._connecting = asyncio.create_task(self._connect())
        if not self._connecting.done() and self.seen()["kind"] == "embedded":
            await report("starting")
        return await asyncio.shield(self._connecting)

    @staticmethod
    def _has_failed(task: asyncio.Task[Client]) -> bool:
        return task.cancelled() or task.exception() is not None

    async def _connect(self) -> Client:
        seen = self.seen()
        self._kind = seen["kind"]
        client_module = await asyncio.to_thread(_load)
        ca = Path(self._settings.ca) if self._settings.ca else None
        trusted = await asyncio.to_thread(authorities.read, ca)
        async with AsyncExitStack() as stack:
            address = await stack.enter_async_context(endpoint.resolve(self._named or None))
            client: Client = await stack.enter_async_context(client_module.Client(address, trusted))
            self._release = stack.pop_all()
        return client

    async def _disconnect(self, client: Client) -> None:
        """Forgets a connection that was lost, so that the next request finds or starts a service."""
        task = self._connecting
        if task is not None and task.done() and not self._has_failed(task) and task.result() is client:
            self._connecting, release = None, self._release
            self._release = AsyncExitStack()
            await release.aclose()


def _load() -> Any:
    """Loads gRPC, in a thread: frames go on meanwhile."""
    from srae_client import client

    return client
