"""Whether several replicas do what the capacity page reckons: one core each, behind round_robin, as many as four."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import Any

from srae_client import spread

from tests.load.calls import Kind, connected, prepared
from tests.load.generators import Mix, closed_loop
from tests.load.outcomes import Outcome, counts
from tests.load.progress import shown
from tests.load.server import serving

REPLICAS = (1, 2, 4)
KIND = Kind("protect", "one-pass", 1024)
_WARM_UP_SECONDS = 8.0
_DEADLINE_SECONDS = 60.0
#: Calls under way for each replica: enough that none waits for the generator.
_CALLERS_A_REPLICA = 2


async def replicas(seconds: float) -> dict[str, Any]:
    """Throughput of 1, 2 and 4 replicas; seconds: for each."""
    cores = sorted(os.sched_getaffinity(0))
    rows = [await _row(count, cores, seconds) for count in REPLICAS]
    one = rows[0]["calls_per_second"]
    for row in rows:
        # A core serves one call after the other; replicas that share a core share what it does.
        row["predicted_calls_per_second"] = one * min(row["replicas"], len(cores))
        row["measured_over_predicted"] = row["calls_per_second"] / row["predicted_calls_per_second"]
    return {"kind": str(KIND), "serving_cores": len(cores), "seconds": seconds, "rows": rows}


async def _row(count: int, cores: list[int], seconds: float) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        pinned = [serving(is_on_loopback=True, core=cores[index % len(cores)]) for index in range(count)]
        servers = [await stack.enter_async_context(one) for one in pinned]
        target = "ipv4:" + ",".join(server.address for server in servers)
        connection = await stack.enter_async_context(connected(target, spread.OPTIONS))
        calls = await prepared(connection, [KIND])
        callers = _CALLERS_A_REPLICA * count
        await closed_loop(Mix(calls), callers, _WARM_UP_SECONDS, _DEADLINE_SECONDS)
        before = [server.cpu_seconds() for server in servers]
        async with shown(f"{count} replicas, {callers} callers", seconds) as on_answer:
            run = await closed_loop(Mix(calls), callers, seconds, _DEADLINE_SECONDS, on_answer)
        outcomes = counts(run.answers)
        return {
            "replicas": count,
            "callers": callers,
            "outcomes": outcomes,
            "calls_per_second": outcomes[Outcome.OK] / run.seconds,
            "cpu_seconds_of_each": [server.cpu_seconds() - b for server, b in zip(servers, before, strict=True)],
            "generator_cpu_share": run.generator_cpu_share,
        }
