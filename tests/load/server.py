"""A real server of the run's own: `python -m services` on a Unix socket, and what the kernel and its metrics say."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
import urllib.request
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_START_SECONDS = 180.0
_STOP_SECONDS = 30.0


class ServerDidNotStartError(Exception):
    """The server did not start; its log says why."""


@dataclass(frozen=True)
class Server:
    """A process that serves."""

    address: str
    pid: int
    metrics_port: int

    def rss_mib(self) -> float:
        """Memory that it holds, in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))

    def cpu_seconds(self) -> float:
        """Processor time that it has used, over all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def in_flight(self) -> int:
        """Calls under way, those that are just being refused included."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith("srae_calls_in_flight{"))


@asynccontextmanager
async def serving(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    is_on_loopback: bool = False,
    core: int | None = None,
) -> AsyncIterator[Server]:
    """A server with these further arguments, for as long as the context lasts; core: the only one that it may use.

    Raises:
        ServerDidNotStartError: with the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix="srae-load-") as folder, tempfile.TemporaryFile() as log:
        listen = "127.0.0.1:0" if is_on_loopback else f"unix:{folder}/srae.sock"
        port = _free_port()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "services", "--listen", listen, "--metrics-port", str(port)),
            *("--stop-with-stdin", *arguments),
            stdin=PIPE,  # ends when we do, however we end, and the server with it
            stdout=PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
            preexec_fn=None if core is None else partial(os.sched_setaffinity, 0, {core}),
        )
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
            if not line.startswith(b"listening on "):
                log.seek(0)
                raise ServerDidNotStartError(f"The server did not start:\n{log.read()[-2000:].decode()}")
            yield Server(line.decode().removeprefix("listening on ").strip(), process.pid, port)
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
