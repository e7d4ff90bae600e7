"""Threads share one arena, so that what one lets go another can use."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

#: Threads that all hold memory at the same time, and then what glibc says of its arenas.
PROGRAM = """
import ctypes, sys, threading
from services import memory

if sys.argv[1] == "together":
    memory.keep_together()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
barrier = threading.Barrier(6)

def hold():
    libc.malloc(10_000)
    barrier.wait()

threads = [threading.Thread(target=hold) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="this C library has no arenas")
def test_all_threads_share_one_arena() -> None:
    def arenas(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
        return done.stdout.count("<heap nr=")

    assert arenas("together") == 1
    assert arenas("apart") > 1
