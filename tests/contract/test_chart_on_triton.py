"""A real Triton takes the chart's arguments as they are, and answers the chart's probes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from services.deploy.checks.chart import rendered
from services.triton_server.fetch import Installation

REPOSITORY = Path(__file__).parents[2] / "triton_models"
#: Models load and warm up meanwhile.
START_SECONDS = 600
#: A channel that was refused often asks seldom, unless it is told to.
OFTEN = (("grpc.initial_reconnect_backoff_ms", 1000), ("grpc.max_reconnect_backoff_ms", 1000))


def _container() -> dict[str, object]:
    (deployment,) = (
        found
        for found in rendered()
        if found["kind"] == "Deployment" and found["metadata"]["labels"]["app.kubernetes.io/component"] == "triton"
    )
    return deployment["spec"]["template"]["spec"]["containers"][0]


def _ports() -> dict[str, int]:
    with ExitStack() as held:
        sockets = {
            name: held.enter_context(socket.create_server(("127.0.0.1", 0))) for name in ("grpc", "http", "metrics")
        }
        return {name: taken.getsockname()[1] for name, taken in sockets.items()}


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
        return str(answer.read(), "utf-8")


def test_triton_starts_as_the_chart_starts_it(triton: Installation, tmp_path: Path) -> None:
    container, ports = _container(), _ports()
    command = [str(triton.binary), *(argument.replace("/models", str(REPOSITORY)) for argument in container["args"])]
    # What a pod has of its own: an address, and the backends that its image brings.
    command += [f"--{name}-port={port}" for name, port in ports.items()]
    command += [f"--{name}-address=127.0.0.1" for name in ports] + [f"--backend-directory={triton.backends}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=triton.environment(1), stdout=log, stderr=log, start_new_session=True)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{ports['grpc']}", options=OFTEN) as channel:
            check = HealthStub(channel).Check
            answer = check(HealthCheckRequest(), timeout=START_SECONDS, wait_for_ready=True)
        assert answer.status == HealthCheckResponse.SERVING
        assert _get(ports["http"], container["livenessProbe"]["httpGet"]["path"]) == ""
        assert "nv_inference_queue_duration_us{" in _get(ports["metrics"], "/metrics")
        process.terminate()
        assert process.wait(60) == 0
    except BaseException:
        print((tmp_path / "log").read_text())
        os.killpg(process.pid, signal.SIGKILL)
        raise
