"""The load generators: when calls go out, what counts as their latency, what passes."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import grpc
import numpy as np
import pytest
from google.protobuf import json_format
from srae.v1 import evaluation_service_pb2 as ev
from srae.v1 import protection_service_pb2 as pr

from tests.load import arrivals, curve, ghz, memory, outcomes
from tests.load.generators import Mix, closed_loop, open_loop
from tests.load.outcomes import Answer, Outcome


class Slow:
    """A call that takes a while; one at a time, as a server with one place would answer."""

    kind = "slow"

    def __init__(self, seconds: float) -> None:
        self.seconds, self._turn, self.made = seconds, asyncio.Semaphore(1), 0

    async def make(self, _: float) -> None:
        async with self._turn:
            await asyncio.sleep(self.seconds)
            self.made += 1


class Refused:
    kind = "refused"

    async def make(self, _: float) -> None:
        raise grpc.aio.AioRpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.aio.Metadata(), grpc.aio.Metadata())


def test_arrivals_keep_their_rate() -> None:
    assert list(arrivals.constant(4.0, 1.0)) == [0.0, 0.25, 0.5, 0.75]
    times = list(arrivals.poisson(50.0, 100.0, seed=1))
    assert times == sorted(times)
    assert len(times) == pytest.approx(5000, rel=0.1)
    assert times == list(arrivals.poisson(50.0, 100.0, seed=1))


async def test_an_open_loop_does_not_wait_and_counts_from_the_intended_time() -> None:
    call = Slow(0.05)
    run = await open_loop(Mix([call]), [0.0, 0.0, 0.0, 0.0], 1.0)
    waited = sorted(answer.seconds for answer in run.answers)
    # The last of four that were meant for the same moment waits for the three before it.
    assert waited[-1] >= 0.2
    assert all(later - sooner >= 0.045 for sooner, later in pairwise(waited))


async def test_a_closed_loop_keeps_so_many_callers_at_it() -> None:
    call = Slow(0.0)
    run = await closed_loop(Mix([call]), 3, 0.2, 1.0)
    assert len(run.answers) == call.made > 3
    assert all(answer.outcome is Outcome.OK for answer in run.answers)


async def test_a_refusal_is_counted_as_one() -> None:
    run = await open_loop(Mix([Refused()]), [0.0], 1.0)
    assert outcomes.counts(run.answers) == {"ok": 0, "resource_exhausted": 1, "deadline_exceeded": 0, "other": 0}


def test_percentiles_that_so_few_calls_cannot_tell_are_not_told() -> None:
    few, many = outcomes.latency([0.1] * 50), outcomes.latency([0.001 * n for n in range(1, 2001)])
    assert few["p50_ms"] == pytest.approx(100, rel=0.01)
    assert few["p99_ms"] is None
    assert many["p99_9_ms"] == pytest.approx(1998, rel=0.01)


@pytest.mark.parametrize(("mib_per_minute", "is_flat"), [(0.0, True), (0.05, True), (20.0, False)])
def test_memory_that_grows_is_not_flat(mib_per_minute: float, is_flat: bool) -> None:
    times = np.arange(0, 1200, 5.0)
    noise = np.random.default_rng(0).normal(0, 2, len(times))
    assert memory.slope(times, 900 + mib_per_minute * times / 60 + noise).is_flat == is_flat


def answer(intended: float, seconds: float, outcome: Outcome = Outcome.OK) -> Answer:
    return Answer("protect", intended, intended, intended + seconds, outcome)


def test_an_overload_that_is_shed_passes_and_one_that_is_not_fails() -> None:
    before = [answer(n, 0.1) for n in range(5)]
    shed = [answer(n / 10, 0.4) for n in range(20)] + [
        answer(n / 10, 0.0, Outcome.RESOURCE_EXHAUSTED) for n in range(40)
    ]
    after = [answer(n, 0.1) for n in range(10)]
    good = curve.judged(before, shed, after)
    assert curve.is_passed({"overload": good})
    late = curve.judged(before, shed, [*after, answer(9.0, 5.0)])
    assert not late["is_over_soon"]
    piled = curve.judged(before, [answer(0.0, 10.0 * n) for n in range(1, 20)], after)
    assert not piled["is_shed"]
    assert not piled["is_bounded"]


@pytest.mark.parametrize(("service", "kind"), [("protect", pr.ProtectRequest), ("evaluate", ev.EvaluateRequest)])
def test_the_request_for_ghz_is_one(service: str, kind: type) -> None:
    request = json_format.Parse(ghz.request_json(service, "one-pass"), kind())
    photos = [request.image] if service == "protect" else [request.original, request.protected_photo]
    assert all(data.startswith(b"\xff\xd8") for data in photos)
