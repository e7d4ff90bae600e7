"""The few segments that a JPEG needs beside its picture: which way up it is, its colour profile, what it carries."""

from __future__ import annotations

import struct

_START, _SCAN = b"\xff\xd8", b"\xff\xda"
_JFIF, _EXIF, _ICC, _OURS = b"\xff\xe0", b"\xff\xe1", b"\xff\xe2", b"\xff\xe9"
_ICC_NAME = b"ICC_PROFILE\0"
#: How our own segment begins, and Pillow's name of its kind.
_OUR_NAME, _OUR_KIND = b"SRAE\0", "APP9"
#: What a segment holds beside its name, its number and how many there are.
_ICC_PART = 65533 - len(_ICC_NAME) - 2
_ORIENTATION_TAG, _SHORT = 0x0112, 3


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


def has_one_scan(jpeg: bytes) -> bool:
    """Whether all components lie in one scan; False where the file's segments do not say."""
    at = len(_START)
    while jpeg[at : at + 1] == b"\xff":
        marker = jpeg[at : at + 2]
        if marker == _SCAN:
            # In a scan's data no marker's bytes can occur. What follows the picture may be another one.
            return jpeg.find(_SCAN, at + len(_SCAN)) == -1
        at += 1 if marker == b"\xff\xff" else 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return False


def carried_in(found: list[tuple[str, bytes]]) -> bytes:
    """What our own segment holds, among the segments that Pillow found; nothing where there is none."""
    ours = (content for kind, content in found if kind == _OUR_KIND and content.startswith(_OUR_NAME))
    return next(ours, b"").removeprefix(_OUR_NAME)


def _segment(marker: bytes, content: bytes) -> bytes:
    return marker + (2 + len(content)).to_bytes(2, "big") + content


def _exif(orientation: int) -> bytes:
    """EXIF that tells the orientation and nothing else: one TIFF directory of one entry."""
    header = b"MM\0*" + struct.pack(">I", 8)
    directory = struct.pack(">HHHIHHI", 1, _ORIENTATION_TAG, _SHORT, 1, orientation, 0, 0)
    return b"Exif\0\0" + header + directory
