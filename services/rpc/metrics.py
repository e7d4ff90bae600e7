"""Prometheus metrics of the calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from services.rpc.address import AddressError

_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The metrics of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter("srae_calls", "Calls answered.", ("method", "code", "reason"), registry=self.registry)
        self.seconds = Histogram(
            "srae_call_seconds",
            "Time from a call's start to its end.",
            ("method",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge("srae_calls_in_flight", "Calls under way.", ("method",), registry=self.registry)
        self.bytes = Counter(
            "srae_bytes",
            "Bytes of messages received (in) and sent (out).",
            ("method", "direction"),
            registry=self.registry,
        )
        self.retries = Counter(
            "srae_inference_retries", "Inferences that were tried again on Triton.", ("model",), registry=self.registry
        )
        self.fallbacks = Counter(
            "srae_fallback_inferences",
            "Inferences made in this process, for Triton did not answer.",
            ("model",),
            registry=self.registry,
        )

    @contextmanager
    def exposed(self, port: int) -> Iterator[None]:
        """Serves /metrics on a loopback port.

        Raises:
            AddressError: the port cannot be had.
        """
        try:
            server, thread = start_http_server(port, addr="127.0.0.1", registry=self.registry)
        except OSError as error:
            raise AddressError(f"Cannot serve metrics on port {port}: {error.strerror}. Choose another.") from error
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
