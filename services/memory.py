"""How the process asks the system for memory."""

from __future__ import annotations

import ctypes

#: glibc's name for the most arenas (malloc.h).
_M_ARENA_MAX = -8


def keep_together() -> None:
    """Lets all threads allocate from one arena; call it before there are any. Does nothing where there is no glibc.

    glibc gives each new thread an arena of its own, and each keeps up to 64 MiB that its thread let go: a server whose
    threads take turns at photos then holds hundreds of MiB more, and creeps upward for hours until every arena has seen
    the largest photo. What the threads allocate is few and large, so they hardly ever wait for each other here.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
