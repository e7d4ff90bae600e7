"""python -m services.triton_server: fetch, start, watch and stop a real Triton server."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from services.errors import SraeError
from services.inference.canary import canary_inputs
from services.inference.signature import SIGNATURES
from services.inference.triton import TritonBackend
from services.rpc import logs
from services.triton_server.fetch import HOME, FetchError, installation
from services.triton_server.process import EXIT_SECONDS, Settings, TritonProcess
from services.triton_server.watch import Watch

_START_SECONDS = 120.0
_STOP_SECONDS = 3 * EXIT_SECONDS
_REPOSITORY = Path(__file__).parents[2] / "triton_models"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    given = _parser().parse_args(arguments)
    try:
        code: int = given.run(given)
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.triton_server", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    home = Path(os.environ.get("SRAE_TRITON_HOME") or HOME)
    for name, run, text in (
        ("fetch", _fetch, "fetch the server from PyPI (about 60 MB), unless it is there"),
        ("start", _start, "start it in the background, watched, and wait until every model answers"),
        ("watch", _watch, "run it in the foreground; what dies or hangs is started anew"),
        ("stop", _stop, "stop the one in the background"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        command.add_argument("--home", type=Path, default=home, metavar="FOLDER", help="default: %(default)s")
        if name == "fetch":
            continue
        command.add_argument("--port", type=int, default=Settings.grpc_port, help="gRPC on loopback (%(default)s)")
        if name == "stop":
            continue
        command.add_argument("--metrics-port", type=int, default=Settings.metrics_port, help="default: %(default)s")
        command.add_argument("--repository", type=Path, default=_REPOSITORY, metavar="FOLDER")
        command.add_argument(
            "--threads", type=int, default=Settings.threads, help="threads a model; results of the refiner "
            "depend on it in the last bit (default: %(default)s)",
        )  # fmt: skip
        command.add_argument("--profile", default="", choices=("", "gpu"), help="configurations to take")
    return parser


def _fetch(given: argparse.Namespace) -> int:
    print(installation(given.home).folder)
    return 0


def _start(given: argparse.Namespace) -> int:
    if _watcher(given) is not None:
        print(f"A server is already watched on port {given.port}. Stop it first: make triton-stop", file=sys.stderr)
        return 1
    installation(given.home)
    run = given.home / "run"
    run.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "services.triton_server", "watch"]
    for name in ("home", "port", "metrics_port", "repository", "threads", "profile"):
        command.append(f"--{name.replace('_', '-')}={getattr(given, name)}")
    with (run / f"{given.port}.watch.log").open("wb") as log:
        watcher = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=_REPOSITORY.parent
        )
    _pid_file(given).write_text(str(watcher.pid))
    if asyncio.run(_until_ready(given, watcher)):
        print(f"Triton answers on 127.0.0.1:{given.port}, its metrics on {given.metrics_port}.")
        return 0
    print(f"Triton does not answer. See {run}.", file=sys.stderr)
    _stop(given)
    return 1


async def _until_ready(given: argparse.Namespace, watcher: subprocess.Popen[bytes]) -> bool:
    backend = TritonBackend(f"127.0.0.1:{given.port}", on_retry=None)
    waiting = _models(given.repository)
    deadline = time.monotonic() + _START_SECONDS
    try:
        while waiting and watcher.poll() is None and time.monotonic() < deadline:
            try:
                await backend.infer(waiting[0], canary_inputs(waiting[0]))
                waiting.pop(0)
            except SraeError:
                await asyncio.sleep(0.2)
    finally:
        await backend.close()
    return not waiting


def _watch(given: argparse.Namespace) -> int:
    logs.configure()
    run = given.home / "run"
    run.mkdir(parents=True, exist_ok=True)
    settings = Settings(given.repository, given.port, given.metrics_port, given.threads, given.profile)
    process = TritonProcess(installation(given.home), settings, run / f"{given.port}.log")
    asyncio.run(_watched(Watch(process, settings.url, _models(given.repository))))
    return 0


async def _watched(watch: Watch) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await watch.run(stop)


def _stop(given: argparse.Namespace) -> int:
    pid = _watcher(given)
    if pid is None:
        print(f"No server is watched on port {given.port}.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _watcher(given) is not None:
        if time.monotonic() > deadline:
            print(f"The server did not stop in {_STOP_SECONDS} seconds.", file=sys.stderr)
            return 1
        time.sleep(0.1)
    _pid_file(given).unlink(missing_ok=True)
    print("Triton has stopped.")
    return 0


def _models(repository: Path) -> list[str]:
    return sorted(path.parent.name for path in repository.glob("*/config.pbtxt") if path.parent.name in SIGNATURES)


def _pid_file(given: argparse.Namespace) -> Path:
    return Path(given.home / "run" / f"{given.port}.pid")


def _watcher(given: argparse.Namespace) -> int | None:
    """The watcher's process id while it runs; its number may have gone to another program since."""
    try:
        pid = int(_pid_file(given).read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"services.triton_server" in command else None


if __name__ == "__main__":
    sys.exit(main())
