"""How calls ended, and how long they took: counts by outcome, HDR histograms, percentiles.

Latency counts from the moment at which a call was meant to be sent, not from when it was: a generator that falls behind
a slow server would otherwise leave out just the calls that waited longest (coordinated omission).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import grpc
from hdrh.histogram import HdrHistogram

_LONGEST_MICROSECONDS = 3600 * 1_000_000
_DIGITS = 3
#: By name in the JSONs, in percent.
PERCENTILES = {"p50_ms": 50.0, "p90_ms": 90.0, "p99_ms": 99.0, "p99_9_ms": 99.9}


class Outcome(StrEnum):
    """How a call ended, as it is counted."""

    OK = "ok"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    OTHER = "other"


_OUTCOMES = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: Outcome.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED: Outcome.DEADLINE_EXCEEDED,
}


@dataclass(frozen=True)
class Answer:
    """One call that has ended. Times are seconds since the generator's start.

    Attributes:
        kind: which call it was.
        intended: when it was meant to be sent.
        sent: when it was.
        detail: the status code and reason where it is not ok.
    """

    kind: str
    intended: float
    sent: float
    done: float
    outcome: Outcome
    detail: str = ""

    @property
    def seconds(self) -> float:
        """Latency, from the intended time of sending."""
        return self.done - self.intended


def outcome_of(code: grpc.StatusCode) -> Outcome:
    """How a call that failed with this code is counted."""
    return _OUTCOMES.get(code, Outcome.OTHER)


def counts(answers: Iterable[Answer]) -> dict[str, int]:
    """How many calls had each outcome; every outcome is there, also with 0."""
    found = Counter(answer.outcome for answer in answers)
    return {outcome.value: found[outcome] for outcome in Outcome}


def details(answers: Iterable[Answer]) -> dict[str, int]:
    """How often each status and reason came, of calls that are not ok."""
    return dict(Counter(answer.detail for answer in answers if answer.outcome is not Outcome.OK))


def latency(seconds: Sequence[float]) -> dict[str, float | int | None]:
    """Percentiles in milliseconds; None beyond what so few calls can tell: p99 takes 100 calls, p99.9 takes 1000."""
    histogram = HdrHistogram(1, _LONGEST_MICROSECONDS, _DIGITS)
    for value in seconds:
        histogram.record_value(max(1, round(value * 1_000_000)))
    figures: dict[str, float | int | None] = {"calls": len(seconds)}
    for name, percent in PERCENTILES.items():
        is_told = len(seconds) * (100.0 - percent) >= 100.0 - 1e-6
        figures[name] = histogram.get_value_at_percentile(percent) / 1000 if is_told else None
    figures["max_ms"] = round(1000 * max(seconds), 3) if seconds else None
    return figures


def latency_ok(answers: Iterable[Answer]) -> dict[str, float | int | None]:
    """Percentiles of the calls that were answered."""
    return latency([answer.seconds for answer in answers if answer.outcome is Outcome.OK])
