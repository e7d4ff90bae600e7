"""What operators see: health, reflection, metrics, logs."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from server_support import Client, FakeBackend, config, file, pixels, served
from srae.v1 import protection_service_pb2 as pr

from services.errors import UnavailableError, UnknownModelError
from services.inference.canary import canary_inputs
from services.rpc import tracing
from services.rpc.logs import JsonFormatter
from services.rpc.measured import MeasuredBackend
from services.rpc.metrics import Metrics
from services.server import running

SERVICES = ["srae.v1.ProtectionService", "srae.v1.RestorationService", "srae.v1.EvaluationService"]


async def statuses(client: Client) -> dict[str, str]:
    stub = HealthStub(client.channel)
    answers = {name: await stub.Check(HealthCheckRequest(service=name)) for name in ("", *SERVICES)}
    return {name: HealthCheckResponse.ServingStatus.Name(answer.status) for name, answer in answers.items()}


async def test_health_follows_the_canary(tmp_path: Path) -> None:
    backend = FakeBackend()
    async with served(config(tmp_path), backend) as client:
        assert set((await statuses(client)).values()) == {"SERVING"}

        backend.down = {"refiner"}
        await asyncio.sleep(0.2)
        assert await statuses(client) == {
            "": "NOT_SERVING",
            "srae.v1.ProtectionService": "NOT_SERVING",
            "srae.v1.RestorationService": "SERVING",
            "srae.v1.EvaluationService": "SERVING",
        }

        backend.down = {"recoverer", "classifier_efficientnet_lite0"}
        await asyncio.sleep(0.2)
        assert set((await statuses(client)).values()) == {"NOT_SERVING"}

        backend.down = set()
        await asyncio.sleep(0.2)
        assert set((await statuses(client)).values()) == {"SERVING"}


async def test_a_canary_that_raises_is_not_serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(model: str) -> bool:
        raise RuntimeError(model)

    backend = FakeBackend()
    monkeypatch.setattr(backend, "ready", broken)
    async with served(config(tmp_path), backend) as client:
        assert set((await statuses(client)).values()) == {"NOT_SERVING"}


async def test_health_does_not_know_other_services(tmp_path: Path) -> None:
    async with served(config(tmp_path), FakeBackend()) as client:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await HealthStub(client.channel).Check(HealthCheckRequest(service="srae.v1.Nothing"))
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def listed(client: Client) -> list[str]:
    call = ServerReflectionStub(client.channel).ServerReflectionInfo(iter([ServerReflectionRequest(list_services="")]))
    return [service.name async for answer in call for service in answer.list_services_response.service]


async def test_reflection_lists_the_services_where_it_is_on(tmp_path: Path) -> None:
    async with served(config(tmp_path, reflection=True), FakeBackend()) as client:
        assert {*SERVICES, "grpc.health.v1.Health"} <= set(await listed(client))


async def test_reflection_is_off_by_default(tmp_path: Path) -> None:
    async with served(config(tmp_path), FakeBackend()) as client:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await listed(client)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def call_twice(client: Client) -> None:
    """One call that succeeds, and one that is refused."""
    await client.protection.Protect(pr.ProtectRequest(image=file(pixels())))
    with pytest.raises(grpc.aio.AioRpcError):
        await client.protection.Protect(pr.ProtectRequest(image=b""))


async def test_metrics_count_the_calls(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    request = pr.ProtectRequest(image=file(pixels()))
    method = 'method="/srae.v1.ProtectionService/Protect"'
    async with served(config(tmp_path, metrics_port=port), FakeBackend()) as client:
        await call_twice(client)
        for _ in range(100):
            text = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
            if f"srae_calls_in_flight{{{method}}} 0.0" in text:  # what is counted is, a moment after the answer
                break

    assert f'srae_calls_total{{code="OK",{method},reason=""}} 1.0' in text
    assert f'srae_calls_total{{code="INVALID_ARGUMENT",{method},reason="EMPTY_IMAGE"}} 1.0' in text
    assert f"srae_call_seconds_count{{{method}}} 2.0" in text
    assert f"srae_calls_in_flight{{{method}}} 0.0" in text
    assert f'srae_bytes_total{{direction="in",{method}}} {float(request.ByteSize())}' in text
    # The empty image of the second call is no photo.
    assert f"srae_images_total{{{method}}} 1.0" in text
    assert f"srae_pixels_total{{{method}}} {96 * 120.0}" in text


async def test_metrics_tell_of_canaries(tmp_path: Path) -> None:
    backend, metrics = FakeBackend(down={"refiner"}), Metrics()
    async with running(config(tmp_path), backend, metrics):
        pass
    assert metrics.registry.get_sample_value("srae_model_ready", {"model": "refiner"}) == 0.0
    assert metrics.registry.get_sample_value("srae_canary_failures_total", {"model": "refiner"}) >= 1.0
    assert metrics.registry.get_sample_value("srae_model_ready", {"model": "recoverer"}) == 1.0
    assert metrics.registry.get_sample_value("srae_canary_failures_total", {"model": "recoverer"}) == 0.0


async def test_a_model_that_is_not_there_serves_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Lacking(FakeBackend):
        async def ready(self, model: str) -> bool:
            if model == "refiner":
                raise UnknownModelError("No refiner.")
            return True

    async with served(config(tmp_path), Lacking()) as client:
        answers = await statuses(client)
    assert (answers["srae.v1.ProtectionService"], answers["srae.v1.RestorationService"]) == ("NOT_SERVING", "SERVING")
    assert "No refiner." in caplog.text
    assert "Traceback" not in caplog.text


async def test_metrics_tell_of_inferences(tmp_path: Path) -> None:
    metrics = Metrics()
    backend = MeasuredBackend(FakeBackend(down={"recoverer"}), "embedded", metrics)
    await backend.infer("refiner", canary_inputs("refiner"))
    with pytest.raises(UnavailableError):
        await backend.infer("recoverer", canary_inputs("recoverer"))

    def counted(**labels: str) -> float | None:
        return metrics.registry.get_sample_value("srae_inferences_total", {"backend": "embedded", **labels})

    assert counted(model="refiner", version="1", code="OK") == 1.0
    assert counted(model="recoverer", version="", code="UNAVAILABLE") == 1.0
    images = {"backend": "embedded", "model": "refiner"}
    assert metrics.registry.get_sample_value("srae_inference_images_total", images) == 1.0


def test_the_page_explains_every_metric() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    for family in Metrics().registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert f"| `{name}` |" in page


async def test_a_call_and_its_inferences_are_spans_without_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans: list[tuple[str, dict[str, str]]] = []

    class Tracer:
        @contextmanager
        def start_as_current_span(self, name: str, attributes: dict[str, str], record_exception: bool) -> Iterator:
            spans.append((name, attributes))
            yield None

    monkeypatch.setattr(tracing, "_tracer", Tracer())
    metrics = Metrics()
    async with served(config(tmp_path), MeasuredBackend(FakeBackend(), "embedded", metrics)) as client:
        await client.protection.Protect(pr.ProtectRequest(image=file(pixels())))

    assert spans[0] == ("/srae.v1.ProtectionService/Protect", {"rpc.system": "grpc"})
    assert ("infer", {"srae.model": "refiner", "srae.backend": "embedded"}) in spans
    assert {name for name, _ in spans} == {spans[0][0], "infer"}


def test_traces_are_off_unless_asked_for() -> None:
    tracing.configure({})
    assert tracing._tracer is None


def _get(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        return str(answer.read(), "utf-8")


async def test_a_call_leaves_one_line_of_json_without_content(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="services"):
        async with served(config(tmp_path), FakeBackend()) as client:
            await call_twice(client)

    lines = [JsonFormatter().format(record) for record in caplog.records if record.message == "call"]
    fine, refused = (json.loads(line) for line in lines)
    assert fine["method"] == refused["method"] == "/srae.v1.ProtectionService/Protect"
    assert (fine["code"], fine["reason"]) == ("OK", "")
    assert (refused["code"], refused["reason"]) == ("INVALID_ARGUMENT", "EMPTY_IMAGE")
    assert fine["bytes_in"] > 1000
    assert fine["bytes_out"] > 1000
    assert fine["duration_ms"] > 0
    assert fine["request_id"] != refused["request_id"]
    assert all("\n" not in line and len(line) < 500 for line in lines)
