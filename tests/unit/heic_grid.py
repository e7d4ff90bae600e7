"""HEICs that are put together of tiles, written by hand: no encoder at hand writes them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import pillow_heif
from PIL import Image

#: The item that is put together.
GRID = 2


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, body: bytes, version: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24) + body)


def boxes(data: bytes) -> dict[bytes, bytes]:
    found, position = {}, 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        found[kind] = data[position + 8 : position + size]
        position += size
    return found


def grid(side: int, rows: int, columns: int, size: tuple[int, int], tiles: Sequence[int] | None = None) -> bytes:
    """A HEIC of that size, width and height, out of one grey square tile, item 1, which item 2 names for each place.

    Args:
        tiles: the items that it names instead.
    """
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (side, side), (90, 120, 150))).save(file, quality=30)
    top = boxes(file.getvalue())
    ipco = boxes(boxes(boxes(top[b"meta"][4:])[b"iprp"])[b"ipco"])
    named = [1] * (rows * columns) if tiles is None else list(tiles)
    sizes = b"".join(full(b"ispe", struct.pack(">II", *wanted)) for wanted in ((side, side), size))
    links = struct.pack(">I HBBB HBB", 2, 1, 2, 0x81, 2, GRID, 1, 3)
    items = b"".join(
        full(b"infe", struct.pack(">HH4sx", item, 0, kind), 2) for item, kind in ((1, b"hvc1"), (GRID, b"grid"))
    )
    plan = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *size)
    references = box(b"dimg", struct.pack(f">HH{len(named)}H", GRID, len(named), *named))

    def head(start: int) -> bytes:
        places = struct.pack(">HHHHII", 1, 0, 0, 1, start, len(top[b"mdat"]))
        places += struct.pack(">HHHHII", GRID, 1, 0, 1, 0, len(plan))
        return box(b"ftyp", b"heic\0\0\0\0mif1heic") + full(
            b"meta",
            full(b"hdlr", b"\0\0\0\0pict" + bytes(13))
            + full(b"pitm", struct.pack(">H", GRID))
            + full(b"iloc", struct.pack(">BBH", 0x44, 0, 2) + places, 1)
            + full(b"iinf", struct.pack(">H", 2) + items)
            + full(b"iref", references)
            + box(b"iprp", box(b"ipco", box(b"hvcC", ipco[b"hvcC"]) + sizes) + full(b"ipma", links))
            + box(b"idat", plan),
        )

    return head(len(head(0)) + 8) + box(b"mdat", top[b"mdat"])
