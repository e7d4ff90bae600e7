"""How the process asks the system for memory."""

from __future__ import annotations

import ctypes

#: glibc's names for the most arenas, and for the sizes below (malloc.h).
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1
#: What is larger is mapped by itself, and the system has it back as soon as it is let go.
_MAPPED_BYTES = 4 * 1024 * 1024
#: What may stay free at the heap's end before the system has it back.
_KEPT_BYTES = 64 * 1024 * 1024


def keep_together() -> None:
    """Keeps the process small; call it before there are threads. Does nothing where there is no glibc.

    All threads allocate from one arena. glibc gives each new thread an arena of its own, and each keeps up to 64 MiB
    that its thread let go: a server whose threads take turns at photos then holds hundreds of MiB more, and creeps
    upward for hours until every arena has seen the largest photo. What the threads allocate is few and large, so they
    hardly ever wait for each other here.

    Photos and files are never put among smaller things. Left to itself, glibc maps only what is larger than the largest
    that it let go so far, up to 32 MiB: what is smaller leaves holes, and a file that grows is copied into a new one.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
