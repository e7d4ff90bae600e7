"""A closed loop: so many callers, each of which calls again as soon as it is answered."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rivals.intervals import ratio_of_medians

Call = Callable[[], object]
#: Makes a caller: its connection, and the call on it.
Connect = Callable[[], Call]


def turn(callers: Sequence[Call], seconds: float) -> tuple[float, list[float]]:
    """Calls a second while all callers call for so long (the last answers included), and each call's seconds.

    Raises:
        Exception: what a call raised; a contender that fails has no figures.
    """
    times: list[float] = []
    failures: list[Exception] = []
    started = time.perf_counter()

    def loop(call: Call) -> None:
        try:
            while time.perf_counter() < started + seconds:
                begun = time.perf_counter()
                call()
                times.append(time.perf_counter() - begun)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=loop, args=(call,)) for call in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return len(times) / (time.perf_counter() - started), times


def measure(
    contenders: Mapping[str, Connect], concurrencies: Sequence[int], rounds: int, seconds: float
) -> dict[str, dict[str, Any]]:
    """Figures by concurrency and contender. Turns are interleaved, in an order drawn for each round."""
    callers = {name: [connect() for _ in range(max(concurrencies))] for name, connect in contenders.items()}
    for name, calls in callers.items():
        print(f"warming up {name}", flush=True)
        turn(calls, min(seconds, 1.0))
    random = np.random.default_rng(0)
    found = {}
    for concurrency in concurrencies:
        rates: dict[str, list[float]] = {name: [] for name in callers}
        times: dict[str, list[float]] = {name: [] for name in callers}
        for _ in range(rounds):
            for name in random.permutation(list(callers)):
                rate, took = turn(callers[name][:concurrency], seconds)
                rates[name].append(rate)
                times[name] += took
        found[str(concurrency)] = {
            name: {
                "calls_per_second": statistics.median(rates[name]),
                "p50_ms": 1000 * statistics.median(times[name]),
                "calls": len(times[name]),
                "turns_calls_per_second": rates[name],
            }
            for name in callers
        }
    return found


def times_the_rate(figures: Mapping[str, Any], ours: str, rival: str) -> dict[str, float]:
    """How many times the rival's calls a second ours are, with the interval over rounds."""
    return ratio_of_medians(figures[ours]["turns_calls_per_second"], figures[rival]["turns_calls_per_second"])
