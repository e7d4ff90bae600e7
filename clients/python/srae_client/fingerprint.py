"""The perceptual hash: 64 bits that a platform's copy of a photo shares with the photo, or nearly.

The DCT hash: the photo in grey at 32 x 32, the lowest 8 x 8 of its frequencies, each above their median or not.
"""

from __future__ import annotations

import os

#: Before OpenCV is loaded, which reads it once. A file that claims more pixels is not decoded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "120000000")

BITS = 64
#: At most this many bits of a photo's own copies differ, and fewer than in any two different photos that were
#: measured (docs/adr/0012-ledger.md).
SAME_PHOTO_BITS = 10
_SIDE, _LOW = 32, 8


def of_file(data: bytes) -> int | None:
    """The hash of a photo's file, 0..2**64 - 1; None where OpenCV is not installed or does not read the file."""
    try:
        import cv2
        import numpy as np
    except ImportError:  # the command line goes without: receipts are then found by SHA-256 alone
        return None
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return None
    if grey is None:
        return None
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_LOW, :_LOW].flatten()
    # The first is the mean brightness: far larger than the others, it says nothing of the photo's shapes.
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def to_text(fingerprint: int) -> str:
    """16 hex digits."""
    return f"{fingerprint:016x}"


def from_text(text: str) -> int:
    """The hash in 16 hex digits."""
    return int(text, 16)


def distance(one: int, other: int) -> int:
    """In how many bits two hashes differ, 0..64."""
    return (one ^ other).bit_count()
