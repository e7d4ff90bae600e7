"""The latency-throughput curve, and what happens at three times the capacity."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.load.arrivals import poisson
from tests.load.calls import SERVICES, Call, Kind, connected, prepared
from tests.load.generators import Mix, Run, closed_loop, open_loop
from tests.load.outcomes import Answer, Outcome, counts, details, latency, latency_ok
from tests.load.progress import shown
from tests.load.server import Server, serving

#: Of the capacity that a closed loop finds.
SHARES = (0.25, 0.5, 0.75, 0.9, 1.1, 1.5)
OVERLOAD = 3.0
_WIDTH = 256
_CALLERS = 4
_WARM_UP_SECONDS = 5.0
_DEADLINE_SECONDS = 60.0
#: After an overload, calls at a quarter of the capacity tell when it is over.
_AFTER_SHARE = 0.25
#: What an accepted call may take at the door's worst: all places taken, each by a call as slow as the slowest alone.
_PATIENCE = 2.0


def kinds(is_stream: bool) -> list[Kind]:
    """The three services on a small photo of the one-pass tier, which leaves the door and the wire to be seen."""
    return [Kind(service, "one-pass", _WIDTH, is_stream) for service in SERVICES]


async def load(seconds: float) -> dict[str, Any]:
    """Closed and open loop, unary and streaming, then the overload, on a server of its own; seconds: for each rate."""
    found: dict[str, Any] = {}
    async with serving() as server, connected(server.address) as connection:
        for way, is_stream in (("unary", False), ("stream", True)):
            calls = await prepared(connection, kinds(is_stream))
            await closed_loop(Mix(calls), _CALLERS, _WARM_UP_SECONDS, _DEADLINE_SECONDS)
            found[way] = {"services": await _each(calls, seconds / 2), "curve": await _curve(calls, way, seconds)}
        capacity = found["unary"]["curve"]["capacity_calls_per_second"]
        calls = await prepared(connection, kinds(False))
        found["overload"] = await overload(server, calls, capacity, 2 * seconds)
    return {"photo_pixels": f"{_WIDTH}x{_WIDTH * 3 // 4}", "seconds_per_rate": seconds, **found}


async def _each(calls: list[Call], seconds: float) -> dict[str, Any]:
    """Each service alone, one caller: what a call takes when nobody else is there."""
    found = {}
    for call in calls:
        run = await closed_loop(Mix([call]), 1, seconds, _DEADLINE_SECONDS)
        found[call.kind.service] = latency_ok(run.answers)
    return found


async def _curve(calls: list[Call], way: str, seconds: float) -> dict[str, Any]:
    async with shown(f"{way}: capacity, closed loop", seconds) as on_answer:
        full = await closed_loop(Mix(calls), _CALLERS, seconds, _DEADLINE_SECONDS, on_answer)
    capacity = counts(full.answers)[Outcome.OK] / full.seconds
    points = []
    for share in SHARES:
        async with shown(f"{way}: {share:g} of the capacity, open loop", seconds) as on_answer:
            arrivals = poisson(share * capacity, seconds, seed=round(100 * share))
            points.append(_point(share, share * capacity, await open_loop(Mix(calls), arrivals, 60.0, on_answer)))
    return {"capacity_calls_per_second": capacity, "callers": _CALLERS, "points": points}


def _point(share: float, rate: float, run: Run) -> dict[str, Any]:
    outcomes = counts(run.answers)
    return {
        "share_of_capacity": share,
        "offered_calls_per_second": rate,
        "answered_calls_per_second": outcomes[Outcome.OK] / run.seconds,
        "outcomes": outcomes,
        "latency": latency_ok(run.answers),
        "generator_cpu_share": run.generator_cpu_share,
    }


async def overload(server: Server, calls: list[Call], capacity: float, seconds: float) -> dict[str, Any]:
    """Three times the capacity, then a quarter of it: what was shed, how long the accepted waited, when it was over."""
    before = await closed_loop(Mix(calls), 1, seconds / 4, _DEADLINE_SECONDS)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, await asyncio.to_thread(server.in_flight))
            await asyncio.sleep(0.25)

    watching = asyncio.create_task(watch())
    async with shown(f"{OVERLOAD:g} times the capacity", seconds) as on_answer:
        during = await open_loop(
            Mix(calls), poisson(OVERLOAD * capacity, seconds, seed=3), _DEADLINE_SECONDS, on_answer
        )
    watching.cancel()
    after = await open_loop(Mix(calls), poisson(_AFTER_SHARE * capacity, seconds, seed=4), _DEADLINE_SECONDS)
    return {
        "offered_calls_per_second": OVERLOAD * capacity,
        "seconds": seconds,
        "most_calls_in_flight": most,
        **judged(before.answers, during.answers, after.answers),
    }


def judged(before: list[Answer], during: list[Answer], after: list[Answer]) -> dict[str, Any]:
    """Whether calls were refused as they should be, accepted ones waited within bounds, and it was over soon.

    The bound: with N places at the door, the accepted wait behind no more than N calls, so twice N times the slowest
    lone call is what a machine with a single core would need.
    """
    slowest = max(answer.seconds for answer in before if answer.outcome is Outcome.OK)
    accepted = [answer.seconds for answer in during if answer.outcome is Outcome.OK]
    normal = sorted(answer.seconds for answer in after if answer.outcome is Outcome.OK)
    outcomes = counts(during)
    late = [answer for answer in after if answer.outcome is not Outcome.OK or answer.seconds > _PATIENCE * slowest * 2]
    places = max(1, _at_once(during))
    return {
        "outcomes": outcomes,
        "not_ok": details(during),
        "latency_of_accepted": latency(accepted),
        "lone_call_slowest_ms": 1000 * slowest,
        "most_accepted_at_once": places,
        "recovery_seconds": max((answer.intended for answer in late), default=0.0),
        "latency_after": latency(normal),
        "is_shed": outcomes[Outcome.RESOURCE_EXHAUSTED] > 0,
        "is_refused_alone": outcomes[Outcome.OTHER] == outcomes[Outcome.DEADLINE_EXCEEDED] == 0,
        "is_bounded": max(accepted) <= _PATIENCE * places * slowest,
        "is_over_soon": max((answer.intended for answer in late), default=0.0) <= 5.0,
    }


def _at_once(answers: list[Answer]) -> int:
    """The most accepted calls that were under way at one time."""
    moments = sorted(moment for a in answers if a.outcome is Outcome.OK for moment in ((a.sent, 1), (a.done, -1)))
    now = most = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def is_passed(figures: dict[str, Any]) -> bool:
    """Whether the overload went as it should."""
    return all(figures["overload"][name] for name in ("is_shed", "is_refused_alone", "is_bounded", "is_over_soon"))
