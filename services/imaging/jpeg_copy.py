"""Subtracting a code from a JPEG, in what the JPEG could keep of it.

A JPEG's coefficients are whole numbers of quantiser steps: much of a small code was lost to them. Who subtracts all of
it takes away more than was there. So brightness and colours of the original are estimated from what the quantiser tells
of them (``dequantise``), at the size at which the JPEG holds them. That may come nearer to the original than the
platform's own copy of the unprotected photo does (docs/adr/0022).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging import dequantise
from services.imaging.dequantise import Plane, Steps, padded
from services.imaging.photo import JpegTables, Layout, Photo
from services.imaging.resample import Wave
from services.imaging.strips import in_strips

#: Rows worked on at a time, and rows above and below that are looked at beside them: whole blocks of halved colour.
_STRIP, _AROUND = 128, 16
#: Brightness and the two colours of RGB, as a JPEG has them (JFIF), about zero; and back.
_TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_TO_RGB = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], np.float32)
_MIDDLE = 128.0
#: How often the sharpening of halved colours is repeated; 8 leave less than rounding does.
_SHARPENINGS = 8
#: By how much each kind of subsampling (Pillow's number) divides the colours' height and width.
_HALVED = {0: (1, 1), 1: (1, 2), 2: (2, 2)}


def layout(original: Photo) -> Layout:
    """What the receipt keeps of how an original's pixels lay."""
    tables = original.traits.jpeg
    if tables is None or not tables.aligned or not _is_usual(tables):
        return Layout(original.height, original.width)
    # Colours that were halved are on no steps once they are brought to full size.
    on_steps = tables.quantisation[:1] if tables.subsampling != 0 else tables.quantisation
    return Layout(original.height, original.width, on_steps)


def gains(photo: Photo, original: Layout) -> bool:
    """Whether ``subtract`` gains on a photo: on a JPEG, unless it has the original's own size and steps. Of such a one
    plain subtraction restores nearly all, in a fraction of the time.
    """
    tables = photo.traits.jpeg
    if tables is None or not tables.aligned or not _is_usual(tables) or _halved(photo, tables) is None:
        return False
    return not _is_of_its_size(photo, original) or tables.quantisation[:1] != original.jpeg_steps[:1]


def subtract(photo: Photo, code: NDArray[np.int8], original: Layout) -> NDArray[np.uint8]:
    """The restored pixels of a JPEG of any size, that ``gains``; shape (H, W, 3).

    Args:
        code: shape (3, rows, columns), levels.
    """
    tables = photo.traits.jpeg
    halved = _halved(photo, tables) if tables is not None else None
    if tables is None or halved is None:
        raise ValueError("the photo is no JPEG whose blocks are known")
    is_of_its_size = _is_of_its_size(photo, original)
    steps = _steps(tables, original.jpeg_steps if is_of_its_size else ())
    wave = Wave(code, photo.height, photo.width)
    wave_rows = wave.rows if is_of_its_size else wave.smooth_rows
    restored = np.empty_like(photo.pixels)

    def strip(start: int, stop: int) -> None:
        first, last = max(0, start - _AROUND), min(photo.height, stop + _AROUND)
        copy = _transformed(photo.pixels[first:last].astype(np.float32), _TO_YCC)
        own = _transformed(wave_rows(first, last), _TO_YCC)
        copy[..., 0] -= _MIDDLE
        for plane in range(3):
            at_size = (1, 1) if plane == 0 else halved
            copy[..., plane] = _restored_at(at_size, copy[..., plane], own[..., plane], steps[plane])
        copy[..., 0] += _MIDDLE
        pixels = _transformed(copy[start - first : stop - first], _TO_RGB)
        restored[start:stop] = np.clip(np.rint(pixels), 0, 255)

    in_strips(strip, photo.height, photo.width, _STRIP)
    return restored


def _steps(tables: JpegTables, original: tuple[tuple[int, ...], ...]) -> list[Steps]:
    """Of the brightness and the two colours."""
    # With one table alone, the colours were subsampled, or it was for them too, and is not worth telling apart.
    own = [_table(original, plane) if len(original) > min(plane, 1) else None for plane in range(3)]
    return [Steps(_table(tables.quantisation, plane), own[plane]) for plane in range(3)]


def _table(tables: tuple[tuple[int, ...], ...], plane: int) -> Plane:
    """A plane's table; the last one is not repeated."""
    return np.array(tables[min(plane, len(tables) - 1)], np.float32).reshape(8, 8)


def _is_usual(tables: JpegTables) -> bool:
    """Whether the steps fit into a byte, as in every JPEG of 8 bits but for the oddest."""
    return all(1 <= step <= 255 for table in tables.quantisation for step in table)


def _halved(photo: Photo, tables: JpegTables) -> tuple[int, int] | None:
    return (1, 1) if photo.traits.grey else _HALVED.get(tables.subsampling)


def _is_of_its_size(photo: Photo, original: Layout) -> bool:
    return (photo.height, photo.width) == (original.height, original.width)


def _transformed(pixels: NDArray[Any], matrix: Plane) -> Plane:
    return cv2.transform(pixels, matrix).astype(np.float32, copy=False)


def _restored_at(halved: tuple[int, int], copy: Plane, own: Plane, steps: Steps) -> Plane:
    """As ``dequantise.restored``, at the size at which the JPEG holds the plane. Its encoder averaged each halved side;
    decoders bring it back to twice its size by linear interpolation (libjpeg's "fancy upsampling").
    """
    if halved == (1, 1):
        return dequantise.restored(copy, own, steps)
    height, width = copy.shape
    copy, own = padded(copy, *halved), padded(own, *halved)
    full, small = copy.shape[::-1], (copy.shape[1] // halved[1], copy.shape[0] // halved[0])

    def halve(plane: Plane) -> Plane:
        return cv2.resize(plane, small, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)

    def double(plane: Plane) -> Plane:
        return cv2.resize(plane, full, interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)

    held = average = halve(copy)
    for _ in range(_SHARPENINGS):  # until doubling and averaging it gives the average again
        held = held + average - halve(double(held))
    # The original's halved colours are on none of its steps.
    moved = dequantise.restored(held, halve(own), Steps(steps.copy, None)) - held
    return (copy + double(moved))[:height, :width]
