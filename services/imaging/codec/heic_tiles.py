"""How much work a HEIC asks of its decoder: its pictures may be put together of others, each named many times."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

#: Pictures that are put together of pictures that are put together: phones do the former alone.
_DEEPEST = 4
#: What is read here is some kilobytes in a phone's photo; a hostile one could hold millions of boxes.
_MOST_BOXES, _MOST_BYTES = 20_000, 1 << 18

Box = tuple[bytes, bytes]


def decoded_pixels(data: bytes) -> int:
    """The pixels that are decoded for the largest of a HEIC's pictures, each tile as often as it is named.

    Raises:
        ValueError, struct.error: its boxes are damaged, or more than any photo has.
    """
    meta = list(_boxes(_only(_boxes(data), b"meta")[4:]))
    tiles, areas = _tiles(_only(meta, b"iref")), _areas(list(_boxes(_only(meta, b"iprp"))))
    known: dict[int, int] = {}

    def pixels(item: int, depth: int) -> int:
        if item not in tiles:
            return areas[item]
        if depth == _DEEPEST:
            raise ValueError("pictures of pictures without end")
        if item not in known:
            known[item] = sum(pixels(tile, depth + 1) for tile in tiles[item])
        return known[item]

    return max((pixels(item, 0) for item in {*areas, *tiles}), default=0)


def _boxes(data: bytes) -> Iterator[Box]:
    """Kind and content of each box that begins in ``data``."""
    position = 0
    for _ in range(_MOST_BOXES):
        if position + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1:
            head, (size,) = 16, struct.unpack_from(">Q", data, position + 8)
        if size == 0:
            size = len(data) - position
        if size < head:
            raise ValueError(f"a box of {size} bytes")
        yield kind, data[position + head : position + size]
        position += size
    raise ValueError("boxes without end")


def _only(boxes: Iterable[Box], wanted: bytes) -> bytes:
    """The content of the one box of that kind; empty where there is none."""
    found = list(islice((body for kind, body in boxes if kind == wanted), 2))
    if len(found) > 1:
        raise ValueError(f"a second {wanted!r}")
    return found[0] if found else b""


def _short(content: bytes) -> bytes:
    """The content, unless it is longer than a photo's."""
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{len(content)} bytes of references")
    return content


def _tiles(references: bytes) -> dict[int, list[int]]:
    """Which items each picture that is put together is made of."""
    tiles: defaultdict[int, list[int]] = defaultdict(list)
    number = ">H" if references[:1] == b"\0" else ">I"
    width = struct.calcsize(number)
    for kind, body in _boxes(_short(references)[4:]):
        if kind == b"dimg":
            (item,) = struct.unpack_from(number, body)
            (count,) = struct.unpack_from(">H", body, width)
            tiles[item] += struct.unpack_from(f">{count}{number[1]}", body, width + 2)
    return tiles


def _areas(boxes: list[Box]) -> defaultdict[int, int]:
    """Each item's pixels, as the file tells them; 0 where it does not. libheif refuses tiles of another size."""
    properties = _boxes(_only(boxes, b"ipco"))
    sizes = [struct.unpack_from(">II", body, 4) if kind == b"ispe" else (0, 0) for kind, body in properties]
    areas: defaultdict[int, int] = defaultdict(int)
    for item, index in _links(_short(_only(boxes, b"ipma"))):
        if 0 < index <= len(sizes):
            areas[item] = max(areas[item], sizes[index - 1][0] * sizes[index - 1][1])
    return areas


def _links(content: bytes) -> Iterator[tuple[int, int]]:
    """Items, and the numbers of their properties; 0 is none."""
    if not content:
        return
    flags, count = struct.unpack_from(">II", content)
    number, place = (">H" if flags >> 24 == 0 else ">I"), (">H" if flags & 1 else ">B")
    position = 8
    for _ in range(count):
        item, linked = struct.unpack_from(number + "B", content, position)
        position += struct.calcsize(number + "B")
        for _ in range(linked):
            (told,) = struct.unpack_from(place, content, position)
            position += struct.calcsize(place)
            yield item, told & (0x7FFF if flags & 1 else 0x7F)  # the highest bit says that it is essential
