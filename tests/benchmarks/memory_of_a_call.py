"""What the largest photo costs a server in memory, for the chart's limits: run this file.

Starts a server with models in process, sends it photos of 50 megapixels, and prints the most that it ever held.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from srae_client.client import Client

WIDTH, HEIGHT = 8000, 6250


def photo() -> bytes:
    """Smooth colours, as a JPEG."""
    cells = np.random.default_rng(0).integers(30, 220, (HEIGHT // 10, WIDTH // 10, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(cells).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def peak_mib(pid: int) -> int:
    """The most that a process has held so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


async def protect(address: str, at_once: int) -> None:
    data = photo()
    async with Client(address) as client:
        await asyncio.gather(*(client.protect(data) for _ in range(at_once)))


def measure(at_once: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/srae.sock"
        command = [sys.executable, "-m", "services", "--listen", address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            try:
                server.stdout.readline()
                print(f"idle: {peak_mib(server.pid)} MiB", flush=True)
                asyncio.run(protect(address, at_once))
                print(f"{at_once} photos of {WIDTH}x{HEIGHT} at once: {peak_mib(server.pid)} MiB", flush=True)
            finally:
                server.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", type=int, default=1, metavar="N")
    measure(parser.parse_args().at_once)
