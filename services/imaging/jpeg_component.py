"""One component of the JPEG that an original was, and what a copy tells of its coefficients."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging import dequantise
from services.imaging.dequantise import Plane, padded
from services.imaging.orientation import is_on_its_side, laid_back_coefficients
from services.imaging.photo import JpegLayout

#: Coefficients in steps of their quantiser.
Numbers = NDArray[np.int16]


class Component:
    """One component of the original, in its file's orientation, and of the copy.

    Args:
        copy, unit: the copy's coefficients, in this share of their steps.

    Attributes:
        halved, copy_halved: by how much its height and width are divided, in the original and in the copy.
        numbers: of the original, as estimated; shape (8, 8, blocks down, blocks across).
        rest: what is likely beyond these, in levels; known after the last iteration.
        is_blurred: whether the copy halved what the original did not: that does not tell its numbers.
        told_steps, reach: unless it is blurred, the copy's step that tells most of each coefficient, and how far the
            original's may lie from what is told.
    """

    def __init__(self, layout: JpegLayout, index: int, copy: Numbers, unit: float, seen: JpegLayout) -> None:
        self.index = index
        self.halved, self.copy_halved = (each.shrunk(index) for each in (layout, seen))
        table = np.array(seen.tables[index], np.float32).reshape(8, 8)
        if is_on_its_side(layout.orientation):
            table, self.copy_halved = table.T, self.copy_halved[::-1]
        self.steps = np.array(layout.tables[index], np.float32).reshape(8, 8)
        self._copy_steps = table
        self._units = table * np.float32(unit)
        self._copy = laid_back_coefficients(copy, layout.orientation)
        self.numbers: Numbers = np.zeros((8, 8, *layout.blocks()[index]), np.int16)
        self.rest = np.zeros(self.numbers.shape, np.float16)
        self.is_blurred = any(copy > own for copy, own in zip(self.copy_halved, self.halved, strict=True))
        down, across = (_axis(*by) for by in zip(self.halved, self.copy_halved, strict=True))
        # A transform of fewer pixels has smaller coefficients of the same picture.
        scale = np.sqrt(np.prod(self.copy_halved) / np.prod(self.halved))
        self.told_steps = table[np.ix_(down[0], across[0])] * scale
        self._sharpening = np.outer(down[1], across[1]).astype(np.float32)
        self.reach = np.vectorize(dequantise.rounded_reach)(self.told_steps) * self._sharpening

    def told(self, seen: Plane, start: int, stop: int) -> Plane:
        """What the copy tells of the original's coefficients in a band of rows.

        Args:
            seen: the component's plane at the photo's size, as an encoder would see it of the estimate.
        """
        held: Plane = self._copy[:, :, rows_of_blocks(start, stop, self.copy_halved)] * self._units[..., None, None]
        left = held - dequantise.coefficients(brought(seen, (1, 1), self.copy_halved))
        own = self.numbers[:, :, rows_of_blocks(start, stop, self.halved)] * self.steps[..., None, None]
        if self.is_blurred:
            return self._at_own_size(self._likely_halves(left, own), own.shape)
        if self.halved != self.copy_halved:
            left = self._at_own_size(left, own.shape)
        return own + left * self._sharpening[..., None, None]

    def _likely_halves(self, left: Plane, own: Plane) -> Plane:
        """Of what the copy halved: no more is told than what is likely of the halves."""
        halves = brought(dequantise.from_coefficients(own), self.halved, self.copy_halved)
        left = left + dequantise.coefficients(halves)[:, :, : left.shape[2], : left.shape[3]]
        for row, column in np.ndindex(8, 8):
            step = float(self._copy_steps[row, column])
            reach = dequantise.rounded_reach(step)
            left[row, column] = dequantise.estimated(left[row, column], reach, step, None, row == column == 0)
        return left

    def _at_own_size(self, coefficients_of_copy: Plane, shape: tuple[int, ...]) -> Plane:
        plane = brought(dequantise.from_coefficients(coefficients_of_copy), self.copy_halved, self.halved)
        return dequantise.coefficients(plane[: 8 * shape[2], : 8 * shape[3]])


def rows_of_blocks(start: int, stop: int, halved: tuple[int, int]) -> slice:
    """The rows of blocks of a band of pixels; the columns of one across, with ``halved`` turned round."""
    return slice(start // (8 * halved[0]), -(-stop // (8 * halved[0])))


def brought(plane: Plane, halved: tuple[int, int], to: tuple[int, int]) -> Plane:
    """A plane whose sides are divided by the one brought to the size of the other: by averaging, as encoders do, and by
    linear interpolation, as decoders do.
    """
    shrinks = [max(1, new // old) for old, new in zip(halved, to, strict=True)]
    grows = [max(1, old // new) for old, new in zip(halved, to, strict=True)]
    for (tall, wide), method in ((shrinks, cv2.INTER_AREA), (grows, cv2.INTER_LINEAR)):
        if (tall, wide) != (1, 1):
            whole = padded(plane, tall, wide) if method == cv2.INTER_AREA else plane
            height, width = whole.shape
            size = (width // wide, height // tall) if method == cv2.INTER_AREA else (width * wide, height * tall)
            plane = cv2.resize(whole, size, interpolation=method).astype(np.float32, copy=False)
    return plane


def _axis(own: int, copy: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Along one axis, for each of the original's frequencies: the copy's that tells most of it, and what undoes the
    blur of halved ones: decoders double them by linear interpolation, of which encoders, or we, take the mean.
    """
    frequencies = np.arange(8)
    sharpening = 8.0 / (6.0 + 2.0 * np.cos(np.pi / 8 * frequencies)) if own == 2 else np.ones(8)
    return frequencies // 2 if own > copy else frequencies, sharpening
