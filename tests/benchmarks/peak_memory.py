"""Peak memory of whole calls, each in processes of its own: python peak_memory.py 12mp jpeg. Prints JSON.

What is told is by how much the process that works (in process: this one; over gRPC: the server) grew at most, beyond
what it held after some calls of 224 pixels in the same format. Those have loaded the networks, and the memory that
they worked in is there still: it is not the photo's. The most is the system's own count, which misses nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import restores
from calls import WIRE, in_process, server
from sizes import SIZES, sample
from srae_client.client import Client

from services import memory
from services.imaging.receipt import Tier
from services.inference.embedded import EmbeddedBackend

CALLS = {f"{tier.value}, {way}": (tier, way) for tier in Tier for way in ("in process", "over grpc")}
#: The call that is no protect.
RESTORE = f"restoring {restores.COPY}"
REPOSITORY = Path(__file__).parents[2] / "triton_models"

#: Calls before the one that is measured. What the networks keep has settled after the second.
WARM_UP = 3


def held_bytes(pid: int) -> int:
    """What a process holds at the moment."""
    return _status(pid, "VmRSS")


def most_bytes(pid: int) -> int:
    """The most that it held since ``forget_most``."""
    return _status(pid, "VmHWM")


def forget_most(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


def grown(small: bytes, large: bytes, tier: Tier, way: str) -> int:
    """The bytes by which a protect of ``large`` makes the process that works grow."""
    if way == "over grpc":
        return asyncio.run(_server_grown(small, large, tier))
    call = in_process(EmbeddedBackend(REPOSITORY), asyncio.new_event_loop())
    return _grown(lambda: call(small, tier), lambda: call(large, tier))


def grown_by_restore(small: bytes, large: bytes) -> int:
    """The same of restores; the two are what ``restores.protected`` made, pickled."""
    restore = restores.in_process(EmbeddedBackend(REPOSITORY), asyncio.new_event_loop())
    few, many = (pickle.loads(kept)[restores.COPY] for kept in (small, large))
    return _grown(lambda: restore(*few), lambda: restore(*many))


def _grown(small: Callable[[], object], large: Callable[[], object]) -> int:
    memory.keep_together()  # as the server does
    for _ in range(WARM_UP):
        small()
    before = held_bytes(os.getpid())
    forget_most(os.getpid())
    large()
    return most_bytes(os.getpid()) - before


async def _server_grown(small: bytes, large: bytes, tier: Tier) -> int:
    with server() as (address, pid):
        async with Client(address) as client:
            for _ in range(WARM_UP):
                await client.protect(small, WIRE[tier])
            before = held_bytes(pid)
            forget_most(pid)
            await client.protect(large, WIRE[tier])
            return most_bytes(pid) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("format", choices=("jpeg", "png"))
    parser.add_argument("--call", choices=[*CALLS, RESTORE], help="this one alone, of the photo in FILES")
    parser.add_argument("--files", type=Path, nargs=2, help="the small and the large photo (default: made)")
    arguments = parser.parse_args()
    if arguments.call:
        small, large = (path.read_bytes() for path in arguments.files)
        is_restore = arguments.call == RESTORE
        print(grown_by_restore(small, large) if is_restore else grown(small, large, *CALLS[arguments.call]))
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        # Made here and read there, so that nothing of the making is left in the memory that is measured.
        files = [Path(folder, "small"), Path(folder, "large")]
        files[0].write_bytes(sample("224", arguments.format).file)
        files[1].write_bytes(sample(arguments.size, arguments.format).file)
        width, height = SIZES[arguments.size]
        for call in [*CALLS, RESTORE]:
            if call == RESTORE:
                backend, loop = EmbeddedBackend(REPOSITORY), asyncio.new_event_loop()
                for file, size in zip(files, ("224", arguments.size), strict=True):
                    file.write_bytes(pickle.dumps(restores.protected(size, arguments.format, backend, loop)))
            command = [sys.executable, __file__, arguments.size, arguments.format, "--call", call, "--files", *files]
            peak = int(subprocess.run(command, capture_output=True, check=True).stdout)
            found[call] = {"peak_bytes": peak, "over_photo": peak / (3 * width * height)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
