"""What a photo of the one-pass tier carries in its own pixels: its code, and the SHA-256 of the original."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

_FORMAT = 2
_DIGEST = 32
#: Format, the code's step in levels, its channels (1 where all three are equal, as on a grey photo), rows and columns,
#: the original's SHA-256; then the code in steps, deflated.
_FIXED = 5 + _DIGEST


def pack(code: NDArray[np.int8], original_sha256: bytes) -> bytes:
    """The bytes for a code of shape (3, rows, columns), rows and columns at most 255.

    Runs are rare in a code, so Huffman coding alone comes out smaller than deflate's search for repetitions.
    """
    step = max(1, int(np.gcd.reduce(np.abs(code.astype(np.int16)), axis=None)))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
    channels = code[:1] if np.array_equal(code[0], code[1]) and np.array_equal(code[0], code[2]) else code
    levels = (channels.astype(np.int16) // step).astype(np.int8).tobytes()
    fixed = bytes([_FORMAT, step, *channels.shape]) + original_sha256
    return fixed + squeeze.compress(levels) + squeeze.flush()


def unpack(data: bytes) -> tuple[NDArray[np.int8], bytes] | None:
    """Code and the original's SHA-256; None where the bytes are of another format or not whole."""
    if len(data) < _FIXED or data[0] != _FORMAT:
        return None
    step, channels, rows, columns = data[1:5]
    size = channels * rows * columns
    try:
        levels = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[_FIXED:], size + 1)
    except zlib.error:
        return None
    if size == 0 or len(levels) != size or channels not in (1, 3):
        return None
    code = np.frombuffer(levels, np.int8).reshape(channels, rows, columns).astype(np.int16) * step
    if np.abs(code).max() > 127:
        return None
    return np.repeat(code.astype(np.int8), 3 // channels, axis=0), data[5:_FIXED]
