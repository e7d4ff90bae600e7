"""The servers' processes: each in a session of its own on a free port, ended with all its workers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rivals.environments import python
from services.imaging.receipt import Tier

_BENCHMARKS = Path(__file__).parents[1]
_START_SECONDS, _STOP_SECONDS = 120.0, 15.0
LOGS = Path("out/rivals/logs")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def litserve(kind: str, tier: Tier) -> Iterator[int]:
    """LitServe; gives its port. kind: see its server."""
    port = free_port()
    command = [python("litserve"), "-m", "rivals.servers.litserve_server", kind, port]
    with _running(f"litserve-{kind}", command, port, _rival(tier)):
        yield port


@contextlib.contextmanager
def fastapi(tier: Tier) -> Iterator[int]:
    """FastAPI on uvicorn; gives its port."""
    port = free_port()
    command = [python("fastapi"), "-m", "uvicorn", "rivals.servers.fastapi_server:app", "--workers", "2"]
    with _running("fastapi", [*command, "--port", port, "--no-access-log"], port, _rival(tier)):
        yield port


@contextlib.contextmanager
def bentoml(tier: Tier) -> Iterator[int]:
    """BentoML; gives its port."""
    port = free_port()
    command = [python("bentoml"), "-m", "bentoml", "serve", "rivals.servers.bentoml_server:Rival"]
    quiet = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(LOGS.absolute() / "bentoml")}
    with _running("bentoml", [*command, "--port", port, "--host", "127.0.0.1"], port, {**_rival(tier), **quiet}):
        yield port


@contextlib.contextmanager
def ours(name: str, arguments: Sequence[str]) -> Iterator[str]:
    """`python -m services`; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "services", "--listen", f"127.0.0.1:{port}", "--canary-seconds", "86000"]
    with _running(name, [*command, *arguments], port, {}):
        yield f"127.0.0.1:{port}"


def _rival(tier: Tier) -> dict[str, str]:
    return {"RIVAL_TIER": tier.value, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(_BENCHMARKS)}


@contextlib.contextmanager
def _running(name: str, command: Sequence[object], port: int, variables: dict[str, str]) -> Iterator[None]:
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(name, process, port)
        yield
    finally:
        _end(process)


def _wait(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise SystemExit(f"{name} did not start: {LOGS / name}.log says why.")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
