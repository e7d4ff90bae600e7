"""One client and two server processes: calls reach both, and none fails when one is killed."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from server_support import file, pixels
from srae_client.client import Client
from srae_client.errors import SraeClientError

REPOSITORY = Path(__file__).parents[2] / "triton_models"
PHOTO = file(pixels(64, 64))
#: More than gRPC keeps by default for sending a call again.
LARGE_PHOTO = file(pixels(400, 400))


@dataclass
class Server:
    process: subprocess.Popen[str]
    address: str = field(init=False)
    metrics: str = field(init=False)

    def __post_init__(self) -> None:
        self.address = self.process.stdout.readline().removeprefix("listening on ").strip()
        self.metrics = self.process.args[-1]

    def answered(self) -> int:
        """How many calls of EvaluateStream it has answered with OK."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics") as answer:
            lines = str(answer.read(), "utf-8").splitlines()
        line = 'srae_calls_total{code="OK",method="/srae.v1.EvaluationService/EvaluateStream",reason=""}'
        return sum(int(float(found.rpartition(" ")[2])) for found in lines if found.startswith(line))


def _free_ports(count: int) -> list[str]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [str(taken.getsockname()[1]) for taken in sockets]


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    command = [sys.executable, "-m", "services", "--listen", "127.0.0.1:0", "--repository", str(REPOSITORY)]
    command += ["--max-concurrent", "8"]
    # Or both servers' threads would fight for the cores.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with ExitStack() as stopped:
        processes = []
        for port in _free_ports(2):
            arguments = [*command, "--metrics-port", port]
            process = subprocess.Popen(
                arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
            )
            stopped.enter_context(process)
            stopped.callback(process.kill)
            processes.append(process)
        yield [Server(process) for process in processes]


async def test_calls_are_spread_and_none_fails_when_a_server_is_killed(servers: list[Server]) -> None:
    first, second = servers
    async with Client(f"{first.address},{second.address}") as client:

        async def evaluate(photo: bytes) -> bool:
            return bool((await client.evaluate(photo, photo)).views)

        assert all([await evaluate(PHOTO) for _ in range(6)])
        answered = [await asyncio.to_thread(server.answered) for server in servers]
        assert sum(answered) == 6
        assert min(answered) >= 2

        calls = [asyncio.create_task(evaluate(photo)) for photo in (PHOTO, LARGE_PHOTO) * 4]
        # The first answer shows that all others are under way.
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        first.process.kill()
        assert all(await asyncio.gather(*calls))
        assert all([await evaluate(PHOTO) for _ in range(2)])
        assert first.process.wait(10) != 0


async def test_servers_that_are_all_gone_are_worth_another_try() -> None:
    first, second = _free_ports(2)
    async with Client(f"127.0.0.1:{first},127.0.0.1:{second}") as client:
        with pytest.raises(SraeClientError, match="No server answers") as caught:
            await client.protect(PHOTO)
    assert caught.value.retryable
