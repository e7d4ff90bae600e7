"""Whether a server's memory is flat: the slope of its RSS, with an interval that allows for samples that hang together.

The rule: over the last three quarters of the samples, the upper end of the slope's 95 % interval, times their span, is
at most 5 % of their mean. So memory that swings too much to tell a leak from none fails as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: The most that memory may grow over the judged span, by the interval's upper end, as a share of its mean.
FLAT_SHARE = 0.05
#: Samples of neighbouring times swing together; they are drawn again in blocks so long.
_BLOCK_SECONDS = 60.0
_DRAWS = 2000


@dataclass(frozen=True)
class Slope:
    """How memory grows. The interval is the 95 % one."""

    mib_per_hour: float
    low_mib_per_hour: float
    high_mib_per_hour: float
    judged_minutes: float
    mean_mib: float

    @property
    def is_flat(self) -> bool:
        """The rule above."""
        return self.high_mib_per_hour * self.judged_minutes / 60 <= FLAT_SHARE * self.mean_mib


def slope(times: Sequence[float], mib: Sequence[float]) -> Slope:
    """The slope of the last three quarters, by least squares; its interval by a block bootstrap of the residuals.

    Args:
        times: seconds, equally far apart.
        mib: the memory at each, in MiB.

    Raises:
        ValueError: fewer than 12 samples, which tell nothing.
    """
    if len(times) < 12:
        raise ValueError("Fewer than 12 samples of memory. Run it for longer.")
    first = len(times) // 4
    t, y = np.asarray(times[first:]) / 3600, np.asarray(mib[first:])
    rise, level = np.polyfit(t, y, 1)
    line = level + rise * t
    step = (times[-1] - times[first]) / (len(t) - 1)
    block = int(np.clip(round(_BLOCK_SECONDS / step), 1, len(t) // 3))
    chance = np.random.default_rng(1)
    starts = chance.integers(0, len(t) - block + 1, (_DRAWS, -(-len(t) // block)))
    drawn = (starts[..., None] + np.arange(block)).reshape(_DRAWS, -1)[:, : len(t)]
    rises = np.polyfit(t, (line + (y - line)[drawn]).T, 1)[0]
    low, high = np.percentile(rises, [2.5, 97.5])
    minutes = (times[-1] - times[first]) / 60
    return Slope(float(rise), float(low), float(high), minutes, float(y.mean()))
