"""The server takes the chart's variables and certificate as they are."""

from __future__ import annotations

import asyncio
import base64
import socket
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from server_support import FakeBackend, file, pixels
from srae.v1.protection_service_pb2 import ProtectRequest
from srae.v1.protection_service_pb2_grpc import ProtectionServiceStub

from services.config import from_arguments
from services.deploy.checks.chart import rendered
from services.server import running


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("0.0.0.0", 0))) for _ in range(count)]
        return [taken.getsockname()[1] for taken in sockets]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Of the services' pod, with the Secret's files where the pod would have them mounted."""
    resources = {(found["kind"], found["metadata"]["name"]): found for found in rendered()}
    for name, content in resources["Secret", "photos-srae-tls"]["data"].items():
        (tmp_path / name).write_bytes(base64.b64decode(content))
    (pod,) = resources["Deployment", "photos-srae"]["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"].replace("/tls/", f"{tmp_path}/") for entry in pod["env"]}


async def test_a_server_runs_as_the_chart_starts_it(variables: dict[str, str], tmp_path: Path) -> None:
    calls, health, metrics = _free_ports(3)
    # Only what a pod has of its own: the network and the image's models.
    variables |= {
        "SRAE_LISTEN": variables["SRAE_LISTEN"].replace("50051", str(calls)),
        "SRAE_HEALTH_LISTEN": variables["SRAE_HEALTH_LISTEN"].replace("50052", str(health)),
        "SRAE_METRICS_PORT": str(metrics),
        "SRAE_REPOSITORY": str(tmp_path),
    }
    config = from_arguments([], variables)
    assert (config.backend, config.triton_url) == ("triton", "dns:///photos-srae-triton:8001")

    trusted = grpc.ssl_channel_credentials((tmp_path / "ca.crt").read_bytes())
    # The name that clients in the cluster call it by.
    name = (("grpc.ssl_target_name_override", "photos-srae.photos.svc"),)
    async with (
        running(config, FakeBackend()),
        grpc.aio.secure_channel(f"127.0.0.1:{calls}", trusted, options=name) as channel,
        grpc.aio.insecure_channel(f"127.0.0.1:{health}") as probe,
    ):
        answer = await ProtectionServiceStub(channel).Protect(ProtectRequest(image=file(pixels())), timeout=10)
        assert answer.image
        for service in ("", "live"):
            checked = await HealthStub(probe).Check(HealthCheckRequest(service=service), timeout=10)
            assert checked.status == HealthCheckResponse.SERVING
        assert "srae_calls_total" in await asyncio.to_thread(_get, f"http://127.0.0.1:{metrics}/metrics")


def _get(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        return str(answer.read(), "utf-8")
