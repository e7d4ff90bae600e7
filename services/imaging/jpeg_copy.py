"""Subtracting a code from a JPEG, in what the JPEG could keep of it.

A JPEG's coefficients are whole numbers of quantiser steps: much of a small code was lost to them. Who subtracts all of
it takes away more than was there. So brightness and colours of the original are estimated from what the quantiser tells
of them (``dequantise``), at the size at which the JPEG holds them. That may come nearer to the original than the
platform's own copy of the unprotected photo does (docs/adr/0022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging import dequantise, jpeg_code
from services.imaging.dequantise import Plane, QuantiserSteps
from services.imaging.jpeg_code import TO_RGB, TO_YCC
from services.imaging.jpeg_component import Numbers, brought, rows_of_blocks
from services.imaging.photo import HALVED, MAX_COPY_PIXELS, MAX_STEP, JpegLayout, JpegTables, Layout, Photo
from services.imaging.resample import Wave
from services.imaging.strips import in_strips

#: Rows worked on at a time, and rows above and below that are looked at beside them: whole blocks of halved colour.
_STRIP, _AROUND = 128, 16
#: Columns worked on at a time, which bounds the memory.
_TILE = 2048
#: In a block with more than this share of pixels at 0 or 255, clipping has changed the coefficients.
_MOST_CLIPPED = 0.1
#: So many strips, spread over the photo, tell whether it is on the original's steps.
_SAMPLES = 16
_MIDDLE = 128.0
#: How often the sharpening of halved colours is repeated; 8 leave less than rounding does.
_SHARPENINGS = 8


def layout(original: Photo) -> Layout:
    """What the receipt keeps of how an original's pixels lay."""
    tables = original.traits.jpeg
    if tables is None or tables.known == 0 or not _is_usual(tables):
        return Layout(original.height, original.width)
    # Colours that were halved are on no steps once they are brought to full size.
    on_steps = tables.quantisation[:1] if tables.subsampling != 0 else tables.quantisation
    return Layout(original.height, original.width, on_steps)


def gains(photo: Photo, original: Layout) -> bool:
    """Whether ``subtract`` is to be used on a photo: on a JPEG, unless it has the size and steps of the file that we
    returned. Of that one plain subtraction restores nearly as much, in a fraction of the time.
    """
    tables = photo.traits.jpeg
    if tables is None or tables.known < 3 or not _is_usual(tables) or _halved(photo, tables) is None:
        return False
    return not is_on_its_steps(photo, original)


def is_on_its_steps(photo: Photo, original: Layout) -> bool:
    """Whether a photo has the size and the steps of the file that we returned of a JPEG."""
    if original.moved_in is not None:
        return photo.file is not None and photo.file.layout == replace(original.moved_in, divided=())
    return _is_of_its_size(photo, original) and layout(photo).jpeg_steps == original.jpeg_steps


def tells_numbers(layout: JpegLayout) -> bool:
    """Whether ``subtract`` takes a JPEG's own numbers: of an upright file, where they are not too many to hold."""
    return layout.orientation == 1 and layout.height * layout.width <= MAX_COPY_PIXELS


def subtract(
    photo: Photo, code: NDArray[np.int8], original: Layout, numbers: list[Numbers] | None = None
) -> NDArray[np.uint8]:
    """The restored pixels of a JPEG of any size, that ``gains``; shape (H, W, 3).

    Args:
        code: shape (3, rows, columns), levels.
        numbers: the file's (``jpeg_file.numbers``), where it ``tells_numbers``: its pixels were rounded on their way
            from these.
    """
    tables = photo.traits.jpeg
    halved = _halved(photo, tables) if tables is not None else None
    if tables is None or halved is None:
        raise ValueError("the photo is no JPEG whose blocks are known")
    job = _Job(photo, code, original, tables, halved, numbers)
    restored = np.empty_like(photo.pixels)

    def strip(start: int, stop: int) -> None:
        for left in range(0, photo.width, _TILE):
            right = min(left + _TILE, photo.width)
            restored[start:stop, left:right] = job.restored((start, stop), (left, right))

    in_strips(strip, photo.height, photo.width, _STRIP)
    return restored


def was_moved(photo: Photo, original: Layout) -> bool:
    """Whether a photo has the size of an original to whose coefficients the code was added."""
    return original.moved_in is not None and _is_of_its_size(photo, original)


def subtract_moves(photo: Photo, code: NDArray[np.int8], original: Layout) -> NDArray[np.uint8]:
    """The restored pixels of a photo that ``was_moved`` and tells no steps of its own, as a screenshot."""
    if original.moved_in is None:
        raise ValueError("the code was added to the original's pixels")
    moves = list(jpeg_code.moves(original.moved_in, code))
    restored = np.empty_like(photo.pixels)

    def strip(start: int, stop: int) -> None:
        moved = _moved(moves, photo.pixels.shape[:2], (start, stop), (0, photo.width))
        restored[start:stop] = np.clip(np.rint(photo.pixels[start:stop] - _transformed(moved, TO_RGB)), 0, 255)

    in_strips(strip, photo.height, photo.width, _STRIP)
    return restored


class _Job:
    """One photo's restoration, tile by tile."""

    def __init__(
        self,
        photo: Photo,
        code: NDArray[np.int8],
        original: Layout,
        tables: JpegTables,
        halved: tuple[int, int],
        numbers: list[Numbers] | None,
    ) -> None:
        self._pixels, self._halved, self._numbers = photo.pixels, halved, numbers or []
        is_of_its_size = _is_of_its_size(photo, original)
        moved_in = original.moved_in if is_of_its_size else None
        self._moves = None if moved_in is None else list(jpeg_code.moves(moved_in, code))
        wave = Wave(code, photo.height, photo.width)
        self._wave_rows = wave.rows if is_of_its_size else wave.smooth_rows
        self._steps = _steps(tables, original.jpeg_steps if is_of_its_size else ())
        if self._steps[0].original is not None and not self._is_on_steps():
            self._steps = _steps(tables, ())

    def restored(self, rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.uint8]:
        """The pixels of a tile that begins where blocks do; shape (rows, columns, 3)."""
        (top, bottom), (left, right) = (
            (max(0, first - _AROUND), min(last + _AROUND, side))
            for (first, last), side in zip((rows, columns), self._pixels.shape[:2], strict=True)
        )
        pixels, own = self._pixels[top:bottom, left:right], self._own((top, bottom), (left, right))
        copy, wave = planes(pixels), _transformed(own, TO_RGB)
        for plane in range(3):
            if plane < len(self._numbers):
                copy[..., plane] = self._restored_numbers(plane, own[..., plane], top, left)
                continue
            at_size = (1, 1) if plane == 0 else self._halved
            copy[..., plane] = _restored_at(at_size, copy[..., plane], own[..., plane], self._steps[plane])
        copy[..., 0] += _MIDDLE
        found = _transformed(copy, TO_RGB)
        # Its own numbers tell all of a file, but not what was clipped before they were made of it.
        if not self._numbers or self._moves is not None:
            unknown = np.kron(unsure(pixels, self._halved), np.ones((8 * self._halved[0], 8 * self._halved[1]), bool))
            found = np.where(unknown[: bottom - top, : right - left, None], pixels - wave, found)
        found = np.clip(np.rint(found), 0, 255)
        return found[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left].astype(np.uint8)

    def _restored_numbers(self, plane: int, own: Plane, top: int, left: int) -> Plane:
        """A plane of a tile at the photo's size, from the file's own numbers; shape that of ``own``."""
        halved, steps = (1, 1) if plane == 0 else self._halved, self._steps[plane]
        if halved != (1, 1):
            steps = _without_original(steps)
        small = brought(own, (1, 1), halved)
        down = rows_of_blocks(top, top + own.shape[0], halved)
        across = rows_of_blocks(left, left + own.shape[1], halved[::-1])
        held = self._numbers[plane][:, :, down, across] * steps.copy[..., None, None]
        found = dequantise.from_coefficients(dequantise.restored_coefficients(held, small, steps))
        # Cut off where the photo ends, for decoders do not look beyond when they bring it to full size.
        return brought(found[: small.shape[0], : small.shape[1]], halved, (1, 1))[: own.shape[0], : own.shape[1]]

    def _own(self, rows: tuple[int, int], columns: tuple[int, int]) -> Plane:
        """By how much the code moved brightness and colours; shape (rows, columns, 3). Begins where blocks do."""
        if self._moves is not None:
            return _moved(self._moves, self._pixels.shape[:2], rows, columns)
        (top, bottom), (left, right) = rows, columns
        return _transformed(self._wave_rows(top, bottom)[:, left:right], TO_YCC)

    def _is_on_steps(self) -> bool:
        """Whether the copy's brightness still is on the original's steps: not if it was edited, or a copy of a copy."""
        off, chance = 0, 0.0
        height = self._pixels.shape[0]
        for top in range(0, height, -(-height // (_SAMPLES * _AROUND)) * _AROUND):
            pixels = self._pixels[top : top + _AROUND]
            own = self._own((top, top + pixels.shape[0]), (0, pixels.shape[1]))
            counts = dequantise.misses(planes(pixels)[..., 0], own[..., 0], self._steps[0], unsure(pixels, (1, 1)))
            off, chance = off + counts[0], chance + counts[1]
        return dequantise.are_on_steps(off, chance)


def _moved(
    moves: Sequence[NDArray[np.float16]], size: tuple[int, ...], rows: tuple[int, int], columns: tuple[int, int]
) -> Plane:
    """By how much brightness and colours of a part were moved; shape (rows, columns, 3). Begins where blocks do.

    Args:
        moves: of all of the photo; see ``jpeg_code.moves``.
        size: of the photo.
    """
    (top, bottom), (left, right) = rows, columns
    parts = []
    for plane in moves:
        # Colours that the file holds at half their size are brought back as decoders do.
        tall, wide = (-(-side // held) for side, held in zip(size, plane.shape, strict=True))
        held = plane[top // tall : -(-bottom // tall), left // wide : -(-right // wide)].astype(np.float32)
        full = (held.shape[1] * wide, held.shape[0] * tall)
        whole = held if (tall, wide) == (1, 1) else cv2.resize(held, full, interpolation=cv2.INTER_LINEAR)
        parts.append(whole[: bottom - top, : right - left])
    return np.stack(parts, axis=-1)


def planes(pixels: NDArray[np.uint8]) -> Plane:
    """Brightness and colours, each about zero; shape (H, W, 3)."""
    found = _transformed(pixels.astype(np.float32), TO_YCC)
    found[..., 0] -= _MIDDLE
    return found


def unsure(pixels: NDArray[np.uint8], halved: tuple[int, int]) -> NDArray[np.bool_]:
    """Blocks whose coefficients their pixels do not tell: the photo's edge cuts them off, or a pixel may be clipped."""
    tall, wide = 8 * halved[0], 8 * halved[1]
    clipped = ((pixels == 0) | (pixels == 255)).any(axis=2)
    height, width = clipped.shape
    whole = np.pad(clipped, ((0, -height % tall), (0, -width % wide)), constant_values=True)
    shares = whole.reshape(whole.shape[0] // tall, tall, -1, wide).mean(axis=(1, 3))
    shares[height // tall :], shares[:, width // wide :] = 1.0, 1.0
    return np.asarray(shares > _MOST_CLIPPED)


def _steps(tables: JpegTables, original: tuple[tuple[int, ...], ...]) -> list[QuantiserSteps]:
    """Of the brightness and the two colours."""
    # With one table alone, the colours were subsampled, or it was for them too, and is not worth telling apart.
    own = [_table(original, plane) if len(original) > min(plane, 1) else None for plane in range(3)]
    return [QuantiserSteps(_table(tables.quantisation, plane), own[plane]) for plane in range(3)]


def _table(tables: tuple[tuple[int, ...], ...], plane: int) -> Plane:
    """A plane's table; the last one is not repeated."""
    return np.array(tables[min(plane, len(tables) - 1)], np.float32).reshape(8, 8)


def _is_usual(tables: JpegTables) -> bool:
    """Whether the steps fit into a byte, as in every JPEG of 8 bits but for the oddest."""
    return all(1 <= step <= MAX_STEP for table in tables.quantisation for step in table)


def _halved(photo: Photo, tables: JpegTables) -> tuple[int, int] | None:
    return (1, 1) if photo.traits.grey else HALVED.get(tables.subsampling)


def _is_of_its_size(photo: Photo, original: Layout) -> bool:
    return (photo.height, photo.width) == (original.height, original.width)


def _transformed(pixels: NDArray[Any], matrix: Plane) -> Plane:
    return cv2.transform(pixels, matrix).astype(np.float32, copy=False)


def _restored_at(halved: tuple[int, int], copy: Plane, own: Plane, steps: QuantiserSteps) -> Plane:
    """As ``dequantise.restored``, at the size at which the JPEG holds the plane. Its encoder averaged each halved side;
    decoders bring it back to twice its size by linear interpolation (libjpeg's "fancy upsampling").
    """
    if halved == (1, 1):
        return dequantise.restored(copy, own, steps)
    held = average = brought(copy, (1, 1), halved)
    for _ in range(_SHARPENINGS):  # until doubling and averaging it gives the average again
        held = held + average - brought(brought(held, halved, (1, 1)), (1, 1), halved)
    moved = dequantise.restored(held, brought(own, (1, 1), halved), _without_original(steps)) - held
    return copy + brought(moved, halved, (1, 1))[: copy.shape[0], : copy.shape[1]]


def _without_original(steps: QuantiserSteps) -> QuantiserSteps:
    """Of halved colours: the original's are on none of its steps."""
    return QuantiserSteps(steps.copy, None)
