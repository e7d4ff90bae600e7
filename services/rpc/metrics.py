"""Prometheus metrics: of calls, of inferences, and of the models' canaries. docs/operations.md explains each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from services.rpc.address import AddressError

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The metrics of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._add_calls()
        self._add_inferences()
        self._add_health()

    def _add_calls(self) -> None:
        self.calls = self._counter("srae_calls", "Calls answered.", "method", "code", "reason")
        self.seconds = self._histogram("srae_call_seconds", "Time from a call's start to its end.", "method")
        self.in_flight = self._gauge("srae_calls_in_flight", "Calls under way.", "method")
        self.bytes = self._counter(
            "srae_bytes", "Bytes of messages received (in) and sent (out).", "method", "direction"
        )
        self.images = self._counter("srae_images", "Photos decoded from requests.", "method")
        self.pixels = self._counter("srae_pixels", "Pixels of the photos decoded from requests.", "method")

    def _add_inferences(self) -> None:
        self.inferences = self._counter(
            "srae_inferences", "Inferences asked of a backend.", "backend", "model", "version", "code"
        )
        self.inference_seconds = self._histogram(
            "srae_inference_seconds", "Time of an inference, with its queue and retries.", "backend", "model"
        )
        self.inference_images = self._counter(
            "srae_inference_images", "Working images in inferences that succeeded.", "backend", "model"
        )
        self.queue_seconds = self._histogram(
            "srae_inference_queue_seconds", "Wait for the embedded backend's turn.", "model"
        )
        self.retries = self._counter("srae_inference_retries", "Further tries on Triton.", "model")
        self.fallbacks = self._counter(
            "srae_fallback_inferences", "Inferences that ran in process, for Triton was gone or had no answer.", "model"
        )
        self.fallback_active = self._gauge(
            "srae_fallback_active", "1 while a model runs in process, for Triton is gone or has no answer."
        )

    def _add_health(self) -> None:
        self.model_ready = self._gauge("srae_model_ready", "1 where the last canary inference passed.", "model")
        self.canary_failures = self._counter("srae_canary_failures", "Canary inferences that failed.", "model")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=_SECONDS, registry=self.registry)

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
