"""One tritonserver process on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from services.triton_server.fetch import Installation

#: How long requests under way may take once the server stops.
EXIT_SECONDS = 10
#: After it, a server that a dead stub holds up is killed.
_KILL_SECONDS = EXIT_SECONDS + 5
_SETTLED_SECONDS = 10.0


@dataclass(frozen=True)
class Settings:
    """What is served, and where. threads: of one model; a request's result can depend on it (rounding)."""

    repository: Path
    grpc_port: int = 8001
    metrics_port: int = 8002
    threads: int = 1
    #: The name of the configurations to take under ``<model>/configs``; empty for config.pbtxt.
    profile: str = ""

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"


class TritonProcess:
    """Starts and ends tritonserver. Loading models, and whether they answer, is asked over gRPC."""

    def __init__(self, installation: Installation, settings: Settings, log: Path) -> None:
        self._installation = installation
        self._settings = settings
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Starts the server. It is ready seconds later."""
        # Of a server that died, a stub can stay behind.
        self.kill()
        _clear_shared_memory()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=self._installation.environment(self._settings.threads),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A Ctrl-C is for the one who watches the server, and who then stops it in order.
                start_new_session=True,
            )

    def stop(self) -> None:
        """Ends the server once the requests under way are answered; kills it where that takes too long."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILL_SECONDS)
            # Of a server that ended well, too, a stub can stay behind: one that hung was seen to.
            self.kill()

    def kill(self) -> None:
        """Ends the server and its stubs at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            _clear_shared_memory()

    def _command(self) -> list[str]:
        settings = self._settings
        flags = {
            "model-repository": settings.repository.resolve(),
            "backend-directory": self._installation.backends,
            "model-control-mode": "explicit",
            "load-model": "*",
            # One model that does not load must not keep the others from being served.
            "strict-readiness": "false",
            "exit-on-error": "false",
            "exit-timeout-secs": EXIT_SECONDS,
            "allow-http": "false",
            "grpc-address": "127.0.0.1",
            "grpc-port": settings.grpc_port,
            "metrics-address": "127.0.0.1",
            "metrics-port": settings.metrics_port,
        }
        if settings.profile:
            flags["model-config-name"] = settings.profile
        # libtorch completes no configuration; without the last flag, every stub would start twice.
        given = [f"--{name}={value}" for name, value in flags.items()]
        return [str(self._installation.binary), *given, "--disable-auto-complete-config"]


def _clear_shared_memory() -> None:
    """Removes what servers that were killed left behind: regions that no process has mapped any more."""
    regions = [region for region in Path("/dev/shm").glob("triton_pytorch_backend_shm_region_*") if _is_old(region)]
    if not regions:
        return
    mapped = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            mapped |= {line.split()[-1] for line in maps.read_text().splitlines() if "/dev/shm/" in line}
    for region in regions:
        if str(region) not in mapped:
            with contextlib.suppress(OSError):
                region.unlink()


def _is_old(region: Path) -> bool:
    """Whether it is older than the moment between a region's making and its mapping."""
    with contextlib.suppress(OSError):
        return time.time() - region.stat().st_mtime > _SETTLED_SECONDS
    return False
