"""A soak: a steady rate well below the capacity, a mix of services, tiers and sizes, and the server's memory."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.load.arrivals import constant
from tests.load.calls import SERVICES, TIERS, Kind, connected, prepared
from tests.load.generators import Mix, Run, closed_loop, open_loop
from tests.load.memory import FLAT_SHARE, slope
from tests.load.outcomes import Outcome, counts, details, latency_ok
from tests.load.photos import PHONE_WIDTH
from tests.load.progress import shown
from tests.load.server import Server, serving

SAMPLE_SECONDS = 5.0
_CALLERS = 4
_WIDTHS = (256, 1024)
#: A phone's photo takes as long as tens of small ones: rare, so that the mix has enough calls of every kind.
_WEIGHTS = {256: 10.0, 1024: 5.0, PHONE_WIDTH: 0.5}
_DEADLINE_SECONDS = 300.0
#: Room for 16 calls: a phone's photo keeps others waiting for seconds, and what is judged here is not the door.
_ARGUMENTS = ("--max-concurrent", "8")


def kinds(widths: tuple[int, ...] = (*_WIDTHS, PHONE_WIDTH)) -> list[Kind]:
    """All services, tiers and sizes; a phone's photo by stream alone, as it is larger than a message."""
    return [
        Kind(service, tier, width, is_stream)
        for width in widths
        for service in SERVICES
        for tier in TIERS
        for is_stream in ((True,) if width == PHONE_WIDTH else (False, True))
    ]


async def soak(minutes: float, capacity_seconds: float = 60.0, share: float = 0.5) -> dict[str, Any]:
    """Runs it on a server of its own.

    Args:
        share: of the capacity that it finds first.

    Returns:
        The figures, with ``is_passed``: no failed call, and memory that is flat by the rule of ``memory``.
    """
    chosen = kinds()
    async with serving(*_ARGUMENTS) as server, connected(server.address) as connection:
        mix = Mix(await prepared(connection, chosen), [_WEIGHTS[kind.width] for kind in chosen])
        async with shown("capacity, closed loop", capacity_seconds) as on_answer:
            full = await closed_loop(mix, _CALLERS, capacity_seconds, _DEADLINE_SECONDS, on_answer)
        capacity = counts(full.answers)[Outcome.OK] / full.seconds
        title = f"soak, {share * capacity:.2f} calls a second"
        async with shown(title, 60 * minutes) as on_answer, _sampled(server) as samples:
            run = await open_loop(mix, constant(share * capacity, 60 * minutes), _DEADLINE_SECONDS, on_answer)
    return {
        "minutes": minutes,
        "server_arguments": " ".join(_ARGUMENTS),
        "capacity_calls_per_second": capacity,
        "share_of_capacity": share,
        "rate_calls_per_second": share * capacity,
        "load_average_at_the_end": os.getloadavg()[0],
        **judged(run, samples),
        "rss": {"time_seconds": [round(at) for at, _ in samples], "mib": [round(mib, 1) for _, mib in samples]},
    }


def judged(run: Run, samples: list[tuple[float, float]]) -> dict[str, Any]:
    """The figures of a soak, and whether it passes."""
    memory = slope(*zip(*samples, strict=True))
    outcomes = counts(run.answers)
    failed = len(run.answers) - outcomes[Outcome.OK]
    return {
        "calls": len(run.answers),
        "outcomes": outcomes,
        "not_ok": details(run.answers),
        "calls_of_each_kind": {
            kind: sum(answer.kind == kind for answer in run.answers)
            for kind in sorted({answer.kind for answer in run.answers})
        },
        "latency": latency_ok(run.answers),
        "generator_cpu_share": run.generator_cpu_share,
        "memory": dataclasses.asdict(memory)
        | {"is_flat": memory.is_flat, "most_mib": max(mib for _, mib in samples), "flat_share": FLAT_SHARE},
        "is_passed": failed == 0 and memory.is_flat,
    }


@asynccontextmanager
async def _sampled(server: Server) -> AsyncIterator[list[tuple[float, float]]]:
    """The server's memory, as (seconds, MiB), taken while the context lasts."""
    samples: list[tuple[float, float]] = []
    loop = asyncio.get_running_loop()
    started = loop.time()

    async def sample() -> None:
        while True:
            samples.append((loop.time() - started, server.rss_mib()))
            await asyncio.sleep(started + len(samples) * SAMPLE_SECONDS - loop.time())

    sampling = asyncio.create_task(sample())
    try:
        yield samples
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
