"""The little that must be known of a file's structure before, or apart from, decoding it. None of these raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: A still WebP holds its picture after a handful of chunks; a hostile one could hold millions of empty ones.
_MOST_CHUNKS = 100
#: A PNG's picture may be in many chunks, of some kilobytes each; beside them there are a handful.
_MOST_PNG_CHUNKS, _MOST_OTHERS = 100_000, 1000


#: A TIFF has some dozens of tags.
_MOST_TIFF_TAGS = 1000
#: No photo has as many strips or tiles, of which a tag has a number each. Text and bytes, as profiles are, may be
#: longer: but bytes not in tags below this, which tell of the picture, and are unpacked there.
_MOST_TIFF_VALUES, _TIFF_TEXT, _TIFF_BYTES, _TIFF_FOREIGN = 1_000_000, 2, (1, 7), 700


@dataclass(frozen=True)
class WebpHeader:
    """A WebP's canvas in pixels, and whether its still picture is stored losslessly."""

    width: int
    height: int
    lossless: bool


def webp_header(data: bytes) -> WebpHeader | None:
    """Reads a WebP's chunks as far as its picture; None where they are damaged.

    Opening a WebP allocates its canvas twice over, so the size must be known before that.
    """
    canvas: tuple[int, int] | None = None
    position = 12
    for _ in range(_MOST_CHUNKS):
        kind, body = data[position : position + 4], data[position + 8 : position + 18]
        if len(body) < 10:
            return None
        if kind == b"VP8X":
            canvas = _little(body[4:7]) + 1, _little(body[7:10]) + 1
        elif kind == b"VP8L":
            bits = _little(body[1:5])
            return WebpHeader(*(canvas or ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)), lossless=True)
        elif kind == b"VP8 ":
            size = _little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF
            return WebpHeader(*(canvas or size), lossless=False)
        elif kind == b"ANMF":
            return WebpHeader(*canvas, lossless=False) if canvas else None
        length = _little(data[position + 4 : position + 8])
        position += 8 + length + length % 2
    return None


def is_absurd_png(data: bytes) -> bool:
    """Whether a PNG has more chunks than any photo has: those of the picture, and others beside it."""
    position, others = 8, 0
    for _ in range(_MOST_PNG_CHUNKS):
        kind = data[position + 4 : position + 8]
        if len(kind) < 4 or kind == b"IEND":
            return False
        others += kind != b"IDAT"
        if others > _MOST_OTHERS:
            return True
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return True


def is_absurd_tiff(data: bytes) -> bool:
    """Whether a TIFF's first picture has more tags than any photo's, or one of them more values.

    Each value would become an object of its own, some thirty times as large.
    """
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    # Files of more than 4 GB have wider numbers, which smaller ones may have, too. Pillow looks at this byte alone.
    is_wide = data[2:3] == b"+"
    wide = 8 if is_wide else 4
    size = 4 + 2 * wide
    at = number(8, 8) if is_wide else number(4, 4)
    entries = number(at, 8 if is_wide else 2)
    at += 8 if is_wide else 2
    if entries > _MOST_TIFF_TAGS and at + size * _MOST_TIFF_TAGS <= len(data):  # else it is damaged
        return True
    for entry in range(at, min(at + size * entries, len(data)), size):
        tag, kind, values = number(entry, 2), number(entry + 2, 2), number(entry + 4, wide)
        is_raw = kind == _TIFF_TEXT or (kind in _TIFF_BYTES and tag >= _TIFF_FOREIGN)
        if values > _MOST_TIFF_VALUES and not is_raw:
            return True
    return False


def iso_media_brands(data: bytes) -> tuple[bytes, set[bytes]]:
    """The major brand of an ISO media file (HEIC, AVIF, MP4, ...), and all the brands it declares."""
    end = min(int.from_bytes(data[:4], "big"), 1024)
    compatible = {data[at : at + 4] for at in range(16, end, 4)}
    return data[8:12], {data[8:12]} | compatible


def is_animated_gif(data: bytes) -> bool:
    """Whether a GIF holds a second frame."""
    frames = 0
    try:
        position = 13 + _gif_palette_size(data[10])
        while data[position] in b"\x21\x2c":
            if data[position] == 0x21:  # an extension: its label, then sub-blocks
                position += 2
            else:  # a frame: its descriptor, perhaps a palette, the code size, then sub-blocks
                frames += 1
                if frames == 2:
                    return True
                position += 11 + _gif_palette_size(data[position + 9])
            while data[position]:
                position += 1 + data[position]
            position += 1
    except IndexError:  # cut off: what was seen until here counts
        pass
    return False


def _gif_palette_size(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _little(value: bytes) -> int:
    return int.from_bytes(value, "little")
