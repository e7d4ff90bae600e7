"""OpenTelemetry traces, where the extra ``otel`` is installed and OTEL_EXPORTER_OTLP_ENDPOINT is set.

Spans tell of calls and inferences, never of what is in a photo.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

_tracer: Any = None


class TracingError(Exception):
    """Traces were asked for and cannot be had."""


def configure(environment: Mapping[str, str] = os.environ) -> None:
    """Turns traces on where the environment names a collector.

    Raises:
        TracingError: it does, and the extra is not installed.
    """
    global _tracer
    if not environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is missing: "
            "pip install -e '.[otel]' in the project's folder"
        ) from error
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, where set, win.
    provider = TracerProvider(resource=Resource.create({"service.name": environment.get("OTEL_SERVICE_NAME", "srae")}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    use(trace.get_tracer("srae"))


def use(tracer: Any) -> None:
    """Makes spans with this tracer; None: makes none."""
    global _tracer
    _tracer = tracer


def span(name: str, attributes: Mapping[str, str]) -> AbstractContextManager[None]:
    """A span around what is done inside."""
    return nullcontext() if _tracer is None else _recorded(name, attributes)


@contextmanager
def _recorded(name: str, attributes: Mapping[str, str]) -> Iterator[None]:
    # A refusal's sentence can hold a field of the request; the span tells its kind alone.
    with _tracer.start_as_current_span(name, attributes=dict(attributes), record_exception=False) as current:
        try:
            yield
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            raise
