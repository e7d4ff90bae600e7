"""How many bytes the receipts of real photos take: sealed as they are written, and what general compressors would make.

    python tests/benchmarks/receipt_size.py [FOLDER [COUNT]]

Without a folder, the photos are scikit-image's; with one, COUNT of its photos (20), evenly spread. The codes are
those of the shipped refiner, by an embedded server. Prints one JSON object.
"""

import asyncio
import bz2
import json
import lzma
import statistics
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
from skimage import data
from srae.v1.image_pb2 import ProtectionReceipt
from srae_client import embedded, keys, levels, sealing
from srae_client.client import Client

SAMPLES = ("astronaut", "chelsea", "coffee", "rocket", "retina", "camera", "coins", "moon", "page", "text")


def photos(arguments: list[str]) -> dict[str, bytes]:
    """Files by name."""
    if not arguments:
        colour = {name: np.atleast_3d(getattr(data, name)()) for name in SAMPLES}
        return {name: bytes(cv2.imencode(".png", pixels[..., ::-1])[1]) for name, pixels in colour.items()}
    files = sorted(file for file in Path(arguments[0]).rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    count = int(arguments[1]) if len(arguments) > 1 else 20
    return {file.stem: file.read_bytes() for file in files[:: max(1, len(files) // count)][:count]}


def sizes(receipt: ProtectionReceipt) -> dict[str, int]:
    """Bytes of the receipt, and of its levels alone."""
    code = receipt.code
    raw = [{"id": lzma.FILTER_LZMA2, "preset": 9}]
    return {
        "sealed_receipt": len(sealing.seal(receipt, keys.new().public)),
        "levels": len(levels.write(code.levels, code.rows, code.columns)),
        "lzma": len(lzma.compress(code.levels, lzma.FORMAT_RAW, filters=raw)),
        "bz2": len(bz2.compress(code.levels)),
        "zlib": len(zlib.compress(code.levels, 9)),
    }


async def measure(files: dict[str, bytes]) -> dict[str, dict[str, int]]:
    async with embedded.server() as address, Client(address) as client:
        return {name: sizes((await client.protect(file)).outcome.receipt) for name, file in files.items()}


def main() -> None:
    measured = asyncio.run(measure(photos(sys.argv[1:])))
    columns = {kind: [row[kind] for row in measured.values()] for kind in next(iter(measured.values()))}
    told = {
        "photos": measured,
        "median": {kind: statistics.median(column) for kind, column in columns.items()},
        "largest": {kind: max(column) for kind, column in columns.items()},
        "sealed_receipts_up_to_4096_bytes": sum(size <= 4096 for size in columns["sealed_receipt"]),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
