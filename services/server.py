"""The server: three services, health, reflection and metrics on one address, from start to a clean stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
from grpc_health.v1 import health
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection
from srae.v1.evaluation_service_pb2_grpc import add_EvaluationServiceServicer_to_server
from srae.v1.protection_service_pb2_grpc import add_ProtectionServiceServicer_to_server
from srae.v1.restoration_service_pb2_grpc import add_RestorationServiceServicer_to_server

from services import memory
from services.config import Config, Tls, from_arguments
from services.inference.backend import Backend
from services.inference.fallback import FallbackBackend
from services.rpc import listener, logs, probes, tracing
from services.rpc.address import Address, AddressError
from services.rpc.chunks import RECEIVED_BYTES, UNARY_BYTES
from services.rpc.evaluation import EvaluationServicer
from services.rpc.gate import Gate
from services.rpc.health import NEEDS, HealthWatch
from services.rpc.interceptors import CallInterceptor
from services.rpc.measured import MeasuredBackend
from services.rpc.metrics import Metrics
from services.rpc.protection import ProtectionServicer
from services.rpc.restoration import RestorationServicer

#: How long calls under way may take to end once the server stops.
GRACE_SECONDS = 20.0

_OPTIONS = (
    # A message that is too large, but not by far, is read, so that its refusal can carry its reason. One that is larger
    # still never gets as far as memory.
    ("grpc.max_receive_message_length", RECEIVED_BYTES),
    ("grpc.max_send_message_length", UNARY_BYTES),
    # Or a second server on the same port would quietly share its calls.
    ("grpc.so_reuseport", 0),
    # Clients that spread their calls over servers look for new ones only when a connection ends. Calls under way go on.
    ("grpc.max_connection_age_ms", 5 * 60 * 1000),
    # As long as any of them may take; what then still is under way has a caller who does not read on.
    ("grpc.max_connection_age_grace_ms", 10 * 60 * 1000),
)
#: Requests of one connection that may come in at once, for each call that is worked on: unary ones are in memory before
#: anything can refuse them.
_STREAMS = 8


@asynccontextmanager
async def running(config: Config, backend: Backend, metrics: Metrics | None = None) -> AsyncIterator[Address]:
    """A server that listens while the context lasts, at the address that it gives.

    Raises:
        AddressError: an address or the metrics' port cannot be had.
    """
    metrics = metrics or Metrics()
    watch = HealthWatch(backend, config.canary_seconds, metrics)
    server = _server(config, backend, watch, metrics)
    await watch.announce()
    async with AsyncExitStack() as release:
        credentials = _credentials(config.tls) if config.tls is not None else None
        address = release.enter_context(listener.bound(server, config.listen, credentials))
        if config.metrics_port:
            release.enter_context(metrics.exposed(config.metrics_host, config.metrics_port))
        if config.health_listen is not None:
            # Answers while the models still load, and until the last call has ended.
            await release.enter_async_context(probes.answered(config.health_listen, watch.servicer))
        await watch.check()
        await server.start()
        checks = asyncio.create_task(watch.run())
        try:
            yield address
        finally:
            # Clients go elsewhere first; then calls under way end.
            await watch.servicer.enter_graceful_shutdown()
            checks.cancel()
            await server.stop(GRACE_SECONDS)


def _server(config: Config, backend: Backend, watch: HealthWatch, metrics: Metrics) -> grpc.aio.Server:
    streams = ("grpc.max_concurrent_streams", _STREAMS * config.max_concurrent)
    server = grpc.aio.server(interceptors=(CallInterceptor(metrics),), options=(*_OPTIONS, streams))
    parts = backend, Gate(config.max_concurrent), config.max_bytes
    add_ProtectionServiceServicer_to_server(ProtectionServicer(*parts), server)
    add_RestorationServiceServicer_to_server(RestorationServicer(*parts), server)
    add_EvaluationServiceServicer_to_server(EvaluationServicer(*parts), server)
    add_HealthServicer_to_server(watch.servicer, server)
    if config.reflection:
        reflection.enable_server_reflection((*NEEDS, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server


async def serve(config: Config) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        AddressError: the address or the metrics' port cannot be had.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if config.stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, name="stdin", daemon=True).start()
    metrics = Metrics()
    backend = _backend(config, metrics)
    try:
        async with running(config, backend, metrics) as address:
            print(f"listening on {address}", flush=True)
            await stop.wait()
    finally:
        await backend.close()


def _stop_with_stdin() -> None:
    """In a thread, so that it also sees the end while the models are loading."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _backend(config: Config, metrics: Metrics) -> Backend:
    if config.backend == "embedded":
        return _embedded(config, metrics)
    # Imported here, for it is an extra that the embedded backend does without.
    from services.inference.triton import TritonBackend

    triton = TritonBackend(
        config.triton_url, config.inference_seconds, lambda model: metrics.retries.labels(model).inc()
    )
    measured = MeasuredBackend(triton, "triton", metrics)
    if config.fallback == "none":
        return measured

    def on_use(model: str, is_fallback: bool) -> None:
        metrics.fallbacks.labels(model).inc(is_fallback)

    backend = FallbackBackend(measured, _embedded(config, metrics), config.inference_seconds, on_use)
    metrics.fallback_active.set_function(lambda: backend.in_use)
    return backend


def _embedded(config: Config, metrics: Metrics) -> Backend:
    # Threads that wait for each other by spinning take several times as long where other programs want the cores too.
    # OpenMP reads this when torch loads it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Imported here, for torch takes seconds, and --help and a refusal must not wait for it.
    from services.inference.embedded import EmbeddedBackend

    return MeasuredBackend(EmbeddedBackend(config.repository), "embedded", metrics)


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
    client_ca = tls.client_ca.read_bytes() if tls.client_ca is not None else None
    return grpc.ssl_server_credentials([pair], client_ca, require_client_auth=client_ca is not None)


def main() -> int:
    """The command ``python -m services``."""
    config = from_arguments(sys.argv[1:], os.environ)
    memory.keep_together()
    logs.configure()
    try:
        tracing.configure()
        asyncio.run(serve(config))
    except (AddressError, tracing.TracingError) as error:
        print(f"python -m services: error: {error}", file=sys.stderr)
        return 2
    return 0
