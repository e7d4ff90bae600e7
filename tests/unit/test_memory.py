"""Threads share one arena, so that what one lets go another can use; and a protect holds no needless copies."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from services.imaging import codec
from services.imaging.photo import FileTraits, Photo

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


#: The service's protect of a 12-megapixel photo by networks that take no memory: the most that the process grew by.
PROTECT = """
import asyncio, re, sys
from pathlib import Path

import numpy as np
from srae.v1.protection_service_pb2 import ProtectOptions

from services import memory
import os
os.cpu_count = lambda: 2  # a thread a core: more cores hold more small arrays

from services.inference.backend import Inference
from services.rpc.gate import Gate
from services.rpc.protection import ProtectionServicer

class Networks:
    async def infer(self, model, tensors, version=""):
        shape = (len(tensors["INPUT__0"]), 1000) if model.startswith("classifier") else (1, 3, 56, 56)
        return Inference("1", {"OUTPUT__0": np.zeros(shape, np.float32)})

def bytes_of(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

async def protect(path):
    file = [Path(path).read_bytes()]
    before = bytes_of("VmRSS") - len(file[0])
    Path("/proc/self/clear_refs").write_text("5")
    await service._protect(file.pop(), ProtectOptions(tier=int(sys.argv[3])), lambda progress: None)
    return bytes_of("VmHWM") - before  # before the event loop ends, which a server's does not

memory.keep_together()
service = ProtectionServicer(Networks(), Gate(1), 10**9)
asyncio.run(protect(sys.argv[1]))  # imports what is imported late
print(asyncio.run(protect(sys.argv[2])))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system does not tell the most memory held")
@pytest.mark.parametrize(("mime_type", "tier"), [("image/jpeg", 1), ("image/png", 2)])
def test_a_protect_holds_no_needless_copy(mime_type: str, tier: int, tmp_path: Path) -> None:
    """The original, the protected photo, Pillow's of four bytes a pixel, and the file: 3.3 times, and the file.

    What else there is, tables and smaller arrays, takes 0.4 times at most. One copy more is once.
    """
    sizes = {}
    for name, width, height in (("small", 320, 240), ("large", 4000, 3000)):
        random = np.random.default_rng(0)
        smooth = cv2.resize(random.integers(40, 215, (30, 40, 3), np.uint8), (width, height))
        pixels = smooth + random.integers(0, 12, smooth.shape, np.uint8)
        file = codec.encode(Photo(pixels, FileTraits(mime_type, pixels.size, lossless=False))).data
        (tmp_path / name).write_bytes(file)
        sizes[name] = len(file) / pixels.size
    command = [sys.executable, "-c", PROTECT, tmp_path / "small", tmp_path / "large", str(tier)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) / (4000 * 3000 * 3) < 3.9 + sizes["large"]
