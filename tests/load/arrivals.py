"""When calls are meant to be sent: at a constant pace, or at random as independent people would (Poisson)."""

from __future__ import annotations

import random
from collections.abc import Iterator


def constant(rate: float, seconds: float) -> Iterator[float]:
    """Times in 0..seconds, ``rate`` a second, equally far apart."""
    for number in range(int(rate * seconds)):
        yield number / rate


def poisson(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """Times in 0..seconds, ``rate`` a second on average, with exponential gaps."""
    chance = random.Random(seed)
    now = chance.expovariate(rate)
    while now < seconds:
        yield now
        now += chance.expovariate(rate)
