"""Writing bytes into a photo's pixels so that reading them gives the pixels back, bit for bit.

Reversible data hiding by prediction-error expansion (Tian 2003; Thodi and Rodriguez 2007), in whole numbers. Every
second pixel of a checkerboard is predicted from its four neighbours, which stay as they are. Where the prediction is
wrong by no more than a threshold T, the error is doubled and a bit takes the place that this frees; the other errors
move outward to make room. A pixel moves by T + 1 levels at most, and only the rows that the bytes need are touched.

A photo that anything has changed since holds no bytes any more: a checksum tells.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Bits = NDArray[np.uint8]
Whole = NDArray[np.int16]

#: The least threshold that makes room for the bytes is taken; above this the photo counts as too small for them.
MAX_THRESHOLD = 12
#: Two bytes that mark the beginning, the number of bytes and of flags, and a CRC-32 of the bytes.
_MARK = b"\x5a\xe3"
_HEADER_BITS = 8 * (2 + 3 + 3 + 4)
#: Rows that are looked at first: few, so that a photo that holds nothing costs little; twice as many if they do not do.
_ROWS = 8
#: Of so many pixels at most.
_MOST_PIXELS = 1 << 22


@dataclass(frozen=True)
class _Sites:
    """The pixels of the checkerboard whose prediction leaves room, in raster order: where, prediction and value."""

    at: NDArray[np.intp]
    predicted: Whole
    value: Whole
    threshold: int

    @property
    def error(self) -> Whole:
        return self.value - self.predicted

    def carriers(self) -> NDArray[np.bool_]:
        """Whether a site, as it was, takes a bit."""
        return np.abs(self.error) <= self.threshold

    def carrying(self) -> NDArray[np.bool_]:
        """Whether a site, as it was written, holds a bit."""
        error = self.error
        return (error >= -2 * self.threshold) & (error <= 2 * self.threshold + 1)

    def doubtful(self) -> NDArray[np.bool_]:
        """Whether a written value that holds no bit may have been too near to 0 or 255 to move: a flag says."""
        near = (self.value < self.threshold) | (self.value > 254 - self.threshold)
        return near & ~self.carrying()


def embed(pixels: Pixels, data: bytes, in_place: bool = False) -> Pixels | None:
    """The photo with the bytes in it; None where it is too small, or too near to black or white, to hold them.

    Args:
        pixels: shape (H, W, 3). Where the three channels are equal throughout, they stay so.
        in_place: whether the bytes are written into ``pixels`` themselves, which then change unless None comes back.
    """
    planes = _looked_at(pixels)
    for threshold in range(MAX_THRESHOLD + 1):
        rows = _ROWS
        while True:
            written = _write(planes[: rows + 1], data, threshold)
            if written is not None:
                return _with_top(pixels if in_place else pixels.copy(), written)
            if rows + 1 >= len(planes):
                break
            rows *= 2
    return None


def extract(pixels: Pixels) -> tuple[bytes, Pixels] | None:
    """The bytes that ``embed`` wrote, and the pixels as they were before; None where there are none."""
    planes = _looked_at(pixels)
    for threshold in range(MAX_THRESHOLD + 1):
        rows = _ROWS
        while True:
            read = _read(planes[: rows + 1], threshold)
            if isinstance(read, tuple):
                data, top = read
                return data, _with_top(pixels.copy(), top)
            if read is _Stop.NOTHING or rows + 1 >= len(planes):
                break
            rows *= 2
    return None


class _Stop:
    """Why nothing was read: no mark where it would stand, or not enough rows to say."""

    NOTHING = "nothing"
    TOO_FEW_ROWS = "too few rows"


def _write(top: Pixels, data: bytes, threshold: int) -> Pixels | None:
    """The rows with the bytes in them; None where they do not fit."""
    sites = _sites(top, threshold)
    carriers = sites.carriers()
    order = np.flatnonzero(carriers)
    moved = _moved(sites)
    doubtful = _Sites(sites.at, sites.predicted, moved, threshold).doubtful() & ~carriers
    bits = _bits(_header(data, 0) + data)
    # The flags stand at the end, and there is one for each doubtful site before the end: more flags, a later end.
    count = 0
    while True:
        if len(bits) + count > len(order):
            return None
        last = order[len(bits) + count - 1]
        found = np.flatnonzero(doubtful[: last + 1])
        if len(found) == count:
            break
        count = len(found)
    flags = (moved[found] != sites.value[found]).astype(np.uint8)
    stream = np.concatenate([_bits(_header(data, count) + data), flags])
    values = sites.value.copy()
    values[: last + 1] = moved[: last + 1]
    chosen = order[: len(stream)]
    values[chosen] = sites.predicted[chosen] + 2 * sites.error[chosen] + stream
    written = top.copy()
    written.reshape(-1)[sites.at] = values.astype(np.uint8)
    return written


def _moved(sites: _Sites) -> Whole:
    """The values that hold no bit, moved outward where 0..255 lets them; the others as they are."""
    error, step = sites.error, sites.threshold
    moved = sites.value + np.where(error > step, step + 1, np.where(error < -step, -step, 0)).astype(np.int16)
    return np.where((moved < 0) | (moved > 255), sites.value, moved)


def _read(top: Pixels, threshold: int) -> tuple[bytes, Pixels] | str:
    sites = _sites(top, threshold)
    carrying = sites.carrying()
    order = np.flatnonzero(carrying)
    if len(order) < _HEADER_BITS:
        return _Stop.TOO_FEW_ROWS
    error = sites.error
    bits = (error[order] & 1).astype(np.uint8)
    header = np.packbits(bits[:_HEADER_BITS]).tobytes()
    if not header.startswith(_MARK):
        return _Stop.NOTHING
    size, count = int.from_bytes(header[2:5]), int.from_bytes(header[5:8])
    end = _HEADER_BITS + 8 * size
    if end + count > len(order):
        return _Stop.TOO_FEW_ROWS
    data = np.packbits(bits[_HEADER_BITS:end]).tobytes()
    last = order[end + count - 1]
    doubtful = np.flatnonzero(sites.doubtful()[: last + 1])
    if zlib.crc32(data).to_bytes(4) != header[8:] or len(doubtful) != count:
        return _Stop.NOTHING
    step = np.where(error > 0, threshold + 1, -threshold).astype(np.int16)
    step[doubtful[bits[end : end + count] == 0]] = 0
    before = np.where(carrying, sites.predicted + (error >> 1), sites.value - step)
    values = sites.value.copy()
    values[: last + 1] = before[: last + 1]
    top = top.copy()
    top.reshape(-1)[sites.at] = values.astype(np.uint8)
    return data, top


def _sites(top: Pixels, threshold: int) -> _Sites:
    """The sites of some rows. What is a site depends on neighbours alone, which never change.

    The bounds keep what holds a bit out of the outermost values, where ``doubtful`` would take it for what does not.
    """
    whole = top.astype(np.int16)
    around = whole[:-2, 1:-1] + whole[2:, 1:-1] + whole[1:-1, :-2] + whole[1:-1, 2:]
    predicted = (around + 2) >> 2
    rows, columns = np.ogrid[1 : len(top) - 1, 1 : top.shape[1] - 1]
    board = ((rows + columns) % 2 == 1)[..., None]
    inside = board & (predicted >= 3 * threshold) & (predicted <= 253 - 3 * threshold)
    row, column, plane = np.nonzero(inside)
    at = np.ravel_multi_index((row + 1, column + 1, plane), top.shape)
    return _Sites(at, predicted[inside], whole[1:-1, 1:-1][inside], threshold)


def _looked_at(pixels: Pixels) -> Pixels:
    """The first rows, which hold a code many times over; to look through all of a large photo in vain takes minutes."""
    return _planes(pixels)[: max(_ROWS, _MOST_PIXELS // pixels.shape[1]) + 1]


def _planes(pixels: Pixels) -> Pixels:
    """All three channels, or one where they are equal: what is written into a grey photo leaves it grey."""
    middle = pixels[len(pixels) // 2]
    for part in (middle, pixels):
        if not (np.array_equal(part[..., 0], part[..., 1]) and np.array_equal(part[..., 1], part[..., 2])):
            return pixels
    return pixels[..., :1]


def _with_top(pixels: Pixels, top: Pixels) -> Pixels:
    """Replaces the photo's first rows; ``top`` has its channels, or one for all three."""
    pixels[: len(top)] = top
    return pixels


def _header(data: bytes, flags: int) -> bytes:
    return _MARK + len(data).to_bytes(3) + flags.to_bytes(3) + zlib.crc32(data).to_bytes(4)


def _bits(data: bytes) -> Bits:
    return np.unpackbits(np.frombuffer(data, np.uint8))
