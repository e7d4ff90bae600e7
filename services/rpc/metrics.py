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

    @contextmanager
    def exposed(self, host: str, port: int) -> Iterator[None]:
        """Serves /metrics on an IP address, without TLS.

        Raises:
            AddressError: the port cannot be had.
        """
        try:
            server, thread = start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise AddressError(
                f"Cannot serve metrics on {host}, port {port}: {error.strerror}. Choose another."
            ) from error
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
