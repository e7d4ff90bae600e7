"""What a photo of the one-pass tier carries, in its own pixels or its file: its code, and the original's SHA-256.

In a JPEG, by how much the original's steps were divided, too.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.imaging.photo import Tables

#: Without divisors, and with them.
_PLAIN, _DIVIDED = 2, 3
_DIGEST, _TABLE, _MOST_TABLES = 32, 64, 3
#: Format, the code's step in levels, its channels (1 where all three are equal, as on a grey photo), rows and columns,
#: the original's SHA-256; then, where there are divisors, how many tables of them, and these; then the code in steps,
#: deflated.
_FIXED = 5 + _DIGEST


@dataclass(frozen=True)
class Carried:
    """Attributes:
    code: shape (3, rows, columns), levels.
    divided: as in ``photo.JpegLayout``.
    """

    code: NDArray[np.int8]
    original_sha256: bytes
    divided: Tables = ()


def pack(code: NDArray[np.int8], original_sha256: bytes, divided: Tables = ()) -> bytes:
    """The bytes for a code of shape (3, rows, columns), rows and columns at most 255.

    Runs are rare in a code, so Huffman coding alone comes out smaller than deflate's search for repetitions.
    """
    step = max(1, int(np.gcd.reduce(np.abs(code.astype(np.int16)), axis=None)))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
    channels = code[:1] if np.array_equal(code[0], code[1]) and np.array_equal(code[0], code[2]) else code
    levels = (channels.astype(np.int16) // step).astype(np.int8).tobytes()
    fixed = bytes([_DIVIDED if divided else _PLAIN, step, *channels.shape]) + original_sha256
    if divided:
        fixed += bytes([len(divided)]) + b"".join(map(bytes, divided))
    return fixed + squeeze.compress(levels) + squeeze.flush()


def unpack(data: bytes) -> Carried | None:
    """What was packed; None where the bytes are of another format or not whole."""
    if len(data) < _FIXED + 1 or data[0] not in (_PLAIN, _DIVIDED):
        return None
    begins = _FIXED
    divided: Tables = ()
    if data[0] == _DIVIDED:
        tables = data[_FIXED]
        begins += 1 + tables * _TABLE
        if not 1 <= tables <= _MOST_TABLES or len(data) < begins:
            return None
        divided = tuple(tuple(data[at : at + _TABLE]) for at in range(_FIXED + 1, begins, _TABLE))
        if any(0 in table for table in divided):
            return None
    step, channels, rows, columns = data[1:5]
    size = channels * rows * columns
    try:
        levels = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[begins:], size + 1)
    except zlib.error:
        return None
    if size == 0 or len(levels) != size or channels not in (1, 3):
        return None
    code = np.frombuffer(levels, np.int8).reshape(channels, rows, columns).astype(np.int16) * step
    if np.abs(code).max() > 127:
        return None
    return Carried(np.repeat(code.astype(np.int8), 3 // channels, axis=0), data[5:_FIXED], divided)
