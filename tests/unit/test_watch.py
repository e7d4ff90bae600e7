"""The watcher of a Triton server ends soon after it is told to, whatever it does, and its server with it."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from services.triton_server.watch import Watch

#: The waits that it would else sit out take from five seconds to a minute.
SOON = 2.0


class _Process:
    """Stands in for the server's process."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self.starts = 0

    def start(self) -> None:
        self.pid = 1
        self.starts += 1

    def kill(self) -> None:
        self.pid = None

    stop = kill


async def seconds_to_stop(process: _Process, port: int, after: float) -> float:
    """From the word to stop, so long after the watcher's start, to its end."""
    stop = asyncio.Event()
    watch = Watch(process, f"127.0.0.1:{port}", ["recoverer"], every_seconds=60.0, patience_seconds=60.0)
    task = asyncio.create_task(watch.run(stop))
    await asyncio.sleep(after)
    told = time.monotonic()
    stop.set()
    await task
    return time.monotonic() - told


async def test_it_stops_while_the_server_starts() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        process = _Process()
        assert await seconds_to_stop(process, closed.getsockname()[1], after=1.0) < SOON
    assert (process.starts, process.pid) == (1, None)


async def test_it_stops_while_the_server_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = _Process()
        assert await seconds_to_stop(process, silent.getsockname()[1], after=1.0) < SOON
    assert (process.starts, process.pid) == (1, None)


async def test_it_stops_in_the_pause_before_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows to half a minute where a server does not stay up."""
    monkeypatch.setattr("services.triton_server.watch._FIRST_PAUSE_SECONDS", 30.0)
    process = _Process()
    assert await seconds_to_stop(process, 1, after=0.1) < SOON
    assert process.starts == 0
