"""The few segments that a JPEG needs beside its picture: which way up it is, its colour profile, what it carries."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence

from services.imaging.codec.formats import absurd, unsupported

_START, _END, _SCAN, _TABLES = b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\xdb"
_JFIF, _EXIF, _ICC, _OURS = b"\xff\xe0", b"\xff\xe1", b"\xff\xe2", b"\xff\xe9"
_ICC_NAME = b"ICC_PROFILE\0"
#: How our own segment begins, and Pillow's name of its kind.
_OUR_NAME, _OUR_KIND = b"SRAE\0", "APP9"
#: What has no segment, and a decoder or another passes over.
_ALONE = (0x00, 0x01, *range(0xD0, 0xDA))
#: What begins a picture, with its precision; the last of these a lossless one.
_FRAMES, _LOSSLESS = range(0xC0, 0xC4), 0xC3
#: So many segments, EXIF segments among them, and bytes between its segments, no photo's header has: a decoder would
#: spend hours on them.
_MOST_SEGMENTS, _MOST_EXIF, _MOST_BETWEEN = 1000, 64, 10_000
#: Nor has a photo so many scans, each of which may be a few bytes and costs a pass over the whole picture.
_MOST_SCANS = 100
#: What ends a scan's data, with a segment. Decoders pass over what else may come, or refuse it.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
#: What a segment holds beside its name, its number and how many there are.
_ICC_PART = 65533 - len(_ICC_NAME) - 2
_ORIENTATION_TAG, _SHORT = 0x0112, 3
#: The order in which a table's 64 entries are stored: diagonal by diagonal, this way and that.
_ZIGZAG = sorted(range(64), key=lambda at: (at // 8 + at % 8, at // 8 if (at // 8 + at % 8) % 2 else at % 8))


def inserted(jpeg: bytes, orientation: int, icc_profile: bytes | None, carried: bytes) -> bytes:
    """The JPEG with these segments, after its JFIF header where it has one.

    Args:
        jpeg: without segments of their kind.
        orientation: EXIF's, 1 to 8; 1, upright, takes no segment.
        carried: at most 65,528 bytes of our own; of none there is no segment.
    """
    after = len(_START)
    if jpeg[after : after + 2] == _JFIF:
        after += 2 + int.from_bytes(jpeg[after + 2 : after + 4], "big")
    added = b"" if orientation == 1 else _segment(_EXIF, _exif(orientation))
    profile = icc_profile or b""
    parts = [profile[start : start + _ICC_PART] for start in range(0, len(profile), _ICC_PART)]
    if len(parts) <= 255:  # what is longer no JPEG can hold
        added += b"".join(
            _segment(_ICC, _ICC_NAME + bytes((number, len(parts))) + part) for number, part in enumerate(parts, 1)
        )
    added += _segment(_OURS, _OUR_NAME + carried) if carried else b""
    return jpeg[:after] + added + jpeg[after:]


def check(jpeg: bytes) -> None:
    """Refuses what no decoder should be given.

    Raises:
        InvalidImageError: it would take for ever (DECOMPRESSION_BOMB), or is of a kind that is not read
            (UNSUPPORTED_FORMAT).
    """
    exif = 0
    for count, (marker, start, _) in enumerate(_header(jpeg)):
        exif += marker == _EXIF
        if count > _MOST_SEGMENTS or exif > _MOST_EXIF:
            raise absurd("It has more segments than any photo has")
        if marker[1] == _LOSSLESS:
            raise unsupported("A lossless JPEG")
        if marker[1] in _FRAMES and jpeg[start : start + 1] not in (b"", b"\x08"):
            raise unsupported("A JPEG of more than 8 bits a channel")
    # Where a scan's marker occurs less often, as nearly always, there are no more scans.
    if jpeg.count(_SCAN) > _MOST_SCANS and _has_many_scans(jpeg):
        raise absurd("It has more scans than any photo has")


def _has_many_scans(jpeg: bytes) -> bool:
    """Whether the picture has, or as many segments among them; what follows it, a film say, may hold anything."""
    at = next((end for marker, _, end in _header(jpeg) if marker == _SCAN), len(_START))
    scans = segments = 1
    while (found := _MARKER.search(jpeg, at)) is not None and found[0] != _END:
        scans, segments = scans + (found[0] == _SCAN), segments + 1
        if scans > _MOST_SCANS or segments > _MOST_SEGMENTS:
            return True
        at = _end_of_segment(jpeg, found.start())
    return False


def has_one_scan(jpeg: bytes) -> bool:
    """Whether all components lie in one scan; False where the file's segments do not say."""
    for marker, start, _ in _header(jpeg):
        if marker == _SCAN:
            # In a scan's data no marker's bytes can occur. What follows the picture may be another one.
            return jpeg.find(_SCAN, start) == -1
    return False


def requantised(jpeg: bytes, tables: Mapping[int, Sequence[int]]) -> bytes | None:
    """The JPEG with other steps, its coefficients left as they are: so it is another picture.

    Args:
        tables: of 64 steps of at most 255, row by row, under their numbers in the file.

    Returns:
        None where the file's header has not a table for each.
    """
    changed, found = bytearray(jpeg), set()
    for marker, start, end in _header(jpeg):
        at = start if marker == _TABLES and end <= len(jpeg) else end
        while at < end:
            size, number = 1 + (jpeg[at] >> 4), jpeg[at] & 15  # bytes of an entry
            stop = at + 1 + 64 * size
            if number in tables and stop <= end:
                changed[at + 1 : stop] = b"".join(tables[number][entry].to_bytes(size, "big") for entry in _ZIGZAG)
                found.add(number)
            at = stop
    return bytes(changed) if found == set(tables) else None


def carried_in(found: list[tuple[str, bytes]]) -> bytes:
    """What our own segment holds, among the segments that Pillow found; nothing where there is none."""
    ours = (content for kind, content in found if kind == _OUR_KIND and content.startswith(_OUR_NAME))
    return next(ours, b"").removeprefix(_OUR_NAME)


def _header(jpeg: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The segments up to the first scan's: each marker, and where what its segment holds begins and ends.

    Raises:
        InvalidImageError: there is too much between two of them.
    """
    at, between = len(_START), 0
    # What is no marker decoders pass over.
    while (found := jpeg.find(b"\xff", at)) >= 0:
        marker = jpeg[found : found + 2]
        if len(marker) < 2:
            return
        has_segment = marker[1] != 0xFF and marker[1] not in _ALONE
        after = _end_of_segment(jpeg, found) if has_segment else found + (1 if marker[1] == 0xFF else 2)
        between += (found if has_segment else after) - at
        if between > _MOST_BETWEEN:
            raise absurd("It has more between its segments than any photo has")
        if has_segment:
            yield marker, found + 4, after
        if marker == _SCAN:
            return
        at = after


def _end_of_segment(jpeg: bytes, marker: int) -> int:
    """Where the segment of the marker at this place ends; its length, which counts itself, may say less than that."""
    return marker + 2 + max(2, int.from_bytes(jpeg[marker + 2 : marker + 4], "big"))


def _segment(marker: bytes, content: bytes) -> bytes:
    return marker + (2 + len(content)).to_bytes(2, "big") + content


def _exif(orientation: int) -> bytes:
    """EXIF that tells the orientation and nothing else: one TIFF directory of one entry."""
    header = b"MM\0*" + struct.pack(">I", 8)
    directory = struct.pack(">HHHIHHI", 1, _ORIENTATION_TAG, _SHORT, 1, orientation, 0, 0)
    return b"Exif\0\0" + header + directory
