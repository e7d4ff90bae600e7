"""Work on a photo's rows, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

#: One pool for all calls: however many photos are in the works, there are no more threads than cores.
_CORES = os.cpu_count() or 1
_POOL = ThreadPoolExecutor(_CORES, thread_name_prefix="strips")
#: Below this many pixels a second thread costs more than it gains.
_WORTH_IT = 500_000


def in_strips(work: Callable[[int, int], None], height: int, width: int, rows: int) -> None:
    """Calls ``work(start, stop)`` for each strip of ``rows`` rows, in no order; raises what it raises."""
    strips = [(start, min(start + rows, height)) for start in range(0, height, rows)]
    if height * width < _WORTH_IT or _CORES == 1:
        _each(work, strips)
        return
    share = -(-len(strips) // _CORES)
    parts = [strips[first : first + share] for first in range(0, len(strips), share)]
    for done in [_POOL.submit(_each, work, part) for part in parts]:
        done.result()


def _each(work: Callable[[int, int], None], strips: list[tuple[int, int]]) -> None:
    for start, stop in strips:
        work(start, stop)
