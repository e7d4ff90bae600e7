"""The JPEG that an original was, sought in a platform's JPEG of the protected one, or in a screenshot of it.

Known are the original's layout, the steps by which the code moved its coefficients, and those of the copy. Sought are
the original's own whole numbers. What an estimate of them would have given, moved, decoded and brought to the planes
that an encoder sees, is taken from what the copy holds; what is left is added to the estimate, and each coefficient
brought to what is likely of it (``dequantise``). So what decoding, clipping and the halving of colours did on the way
is undone as well. Where every number is right, the original comes back bit for bit (docs/adr/0024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from services.imaging import codec, dequantise, jpeg_copy, jpeg_file
from services.imaging.codec import coefficients
from services.imaging.codec.colour import matching_profile
from services.imaging.dequantise import Plane
from services.imaging.jpeg_code import TO_RGB, BlockWave
from services.imaging.jpeg_component import Component, Numbers, brought, rows_of_blocks
from services.imaging.orientation import flips, is_on_its_side, laid_back, upright
from services.imaging.photo import MAX_COPY_PIXELS, JpegLayout, Layout, Photo
from services.imaging.strips import in_strips

#: How often what is left is added to the estimate, from nothing on. More gains nothing that shows.
_ITERATIONS = 3
#: Rows worked on at a time, and rows beside them that are looked at: whole blocks of halved colour.
_BAND, _AROUND = 128, 16
#: Whole numbers are decoded as the original's are, what is likely is not: so they are nearer in a block unless rounding
#: to them costs more than this, the mean square of what decoders round, in levels.
_DECODING = 0.4
#: Between these lie the coefficients of 8 bits; a block's mean may be one less.
_MOST = 1023
_LEAST = np.full((8, 8), -_MOST, np.int16)
_LEAST[0, 0] -= 1
_MIDDLE = 128.0
#: Coefficients of pixels are held in such parts of a level: in half the memory, and far finer than the pixels are.
_PARTS = 16


@dataclass(frozen=True)
class Found:
    """An estimate of the original.

    Attributes:
        pixels: shape (H, W, 3), upright.
        file: the original's own JPEG, where every bit of it was found.
    """

    pixels: NDArray[np.uint8]
    file: bytes | None


def is_possible(photo: Photo, original: Layout) -> bool:
    """Whether the original can be sought in a photo, if its own coefficients were moved: in a JPEG of its size, or in a
    lossless file.

    Not in one whose brightness was quantised more coarsely than the original's: what it tells is too little.
    """
    sought = None if original.moved_in is None else original.moved_in.undivided()
    held = _layout(photo)
    if held is None or sought is None or not coefficients.is_available():
        return False
    return (
        (photo.height, photo.width) == (original.height, original.width)
        and photo.height * photo.width <= MAX_COPY_PIXELS
        and len(held.tables) >= len(sought.tables)
        and sum(held.tables[0]) <= sum(sought.tables[0])
        and held.orientation == 1
        and _have_blocks_in_common(sought, held)
    )


def _layout(photo: Photo) -> JpegLayout | None:
    """How a JPEG holds a photo; of a lossless file, as one with the finest steps would. None where neither is so."""
    if photo.file is None and photo.traits.lossless:
        return JpegLayout(1, photo.height, photo.width, ((1,) * 64,) * 3, (1, 1))
    return None if photo.file is None else photo.file.layout


def _coefficients(photo: Photo, layout: JpegLayout) -> tuple[Sequence[Numbers] | None, float]:
    """A photo's coefficients, and in what share of its layout's steps; none where the library cannot read the file."""
    if photo.file is not None:
        return jpeg_file.numbers(photo.file), 1.0
    found = [np.empty((8, 8, *blocks), np.int16) for blocks in layout.blocks()]

    def band(start: int, stop: int) -> None:
        planes = jpeg_copy.planes(photo.pixels[start:stop])
        for index, numbers in enumerate(found):
            transformed = dequantise.coefficients(np.ascontiguousarray(planes[..., index]))
            numbers[:, :, rows_of_blocks(start, stop, (1, 1))] = np.rint(_PARTS * transformed)

    in_strips(band, photo.height, photo.width, _BAND)
    return found, 1.0 / _PARTS


def _have_blocks_in_common(sought: JpegLayout, held: JpegLayout) -> bool:
    """Whether the blocks of an upright copy are the original's: a side that was flipped has to end where one does."""
    turned = held.halved[::-1] if is_on_its_side(sought.orientation) else held.halved
    return all(
        side % (8 * max(by)) == 0
        for side, is_flipped, *by in zip(
            (sought.height, sought.width), flips(sought.orientation), sought.halved, turned, strict=True
        )
        if is_flipped
    )


def seek(photo: Photo, code: NDArray[np.int8], original: Layout, original_sha256: bytes) -> Found | None:
    """The original, from a copy in which it can be sought; None where the copy's coefficients do not look like it.

    Args:
        code: shape (3, rows, columns), levels.
        original_sha256: ``Photo.sha256`` of it.
    """
    moved_in, held = original.moved_in, _layout(photo)
    if held is None or moved_in is None:
        return None
    layout = moved_in.undivided()
    blank, blank_of_moved = codec.blank_jpeg(layout), codec.blank_jpeg(moved_in)
    if blank is None or blank_of_moved is None:
        return None
    copy, unit = _coefficients(photo, held)
    if copy is None:  # slightly damaged: its pixels may be read all the same
        return None
    profile = matching_profile(photo.traits.icc_profile, grey=len(layout.tables) == 1)
    own = _Form(layout, blank, profile)
    moved = _Form(moved_in, blank_of_moved, profile)
    search = _Search(copy, unit, held, own, moved, code, is_encoded=photo.file is not None)
    for iteration in range(1, _ITERATIONS + 1):
        search.iterate(is_last=iteration == _ITERATIONS)
    if not search.is_on_steps():
        return None
    file = search.original_file()
    whole = codec.decode(file)
    if whole.sha256() == original_sha256:
        return Found(whole.pixels, file)
    return Found(search.likely_pixels(whole.pixels), None)


@dataclass(frozen=True)
class _Form:
    """What a JPEG is made with, beside its numbers.

    Attributes:
        blank: any JPEG of this layout.
    """

    layout: JpegLayout
    blank: bytes
    icc_profile: bytes | None

    def filled(self, put: coefficients.Change) -> bytes:
        """The JPEG."""
        return jpeg_file.rewritten(self.blank, put, self.layout, self.icc_profile)


class _Search:
    """The search for one original.

    Args:
        copy, unit, held: the coefficients of the file in which it is sought, in what share of a step, and its layout.
        own, moved: the original's form, and that of what the code made of it.
        is_encoded: whether an encoder made the copy, which rounds brightness and colours before it transforms them.
    """

    def __init__(
        self,
        copy: Sequence[Numbers],
        unit: float,
        held: JpegLayout,
        own: _Form,
        moved: _Form,
        code: NDArray[np.int8],
        is_encoded: bool,
    ) -> None:
        self._layout, self._own, self._moved, self._is_encoded = own.layout, own, moved, is_encoded
        self._wave = BlockWave(moved.layout, code)
        tables = own.layout.tables
        self._parts = np.array(moved.layout.divided or ((1,) * 64,) * len(tables), np.int32)
        self._components = [
            Component(own.layout, index, numbers, unit, held) for index, numbers in enumerate(copy[: len(tables)])
        ]
        self._misses: list[tuple[int, float]] = []

    def iterate(self, is_last: bool) -> None:
        """Adds to the estimate what the copy holds beyond it."""
        pixels = codec.decode(self._moved_file()).pixels
        lying = laid_back(pixels.transpose(2, 0, 1), self._layout.orientation).transpose(1, 2, 0)
        estimated = [component.numbers.copy() for component in self._components]

        def band(start: int, stop: int) -> None:
            top, bottom = max(0, start - _AROUND), min(stop + _AROUND, self._layout.height)
            unsure = jpeg_copy.unsure(lying[start:stop], (1, 1)) if is_last else None
            planes = jpeg_copy.planes(lying[top:bottom])
            if self._is_encoded:
                np.rint(planes, out=planes)
            for component, numbers in zip(self._components, estimated, strict=True):
                told = component.told(np.ascontiguousarray(planes[..., component.index]), top, bottom)
                self._estimate(component, numbers, told, (top, bottom), (start, stop), unsure)

        in_strips(band, self._layout.height, self._layout.width, _BAND)
        for component, numbers in zip(self._components, estimated, strict=True):
            component.numbers = numbers

    def _estimate(
        self,
        component: Component,
        numbers: Numbers,
        told: Plane,
        looked: tuple[int, int],
        band: tuple[int, int],
        unsure: NDArray[np.bool_] | None,
    ) -> None:
        """Writes the estimates of a band, which are made with those of the blocks around it.

        Args:
            looked: the rows of which something is told.
            unsure: in the last iteration, the blocks that do not tell whether the copy is on the original's steps.
        """
        around, inner = rows_of_blocks(*looked, component.halved), rows_of_blocks(*band, component.halved)
        within = slice(inner.start - around.start, inner.stop - around.start)
        for row, column in np.ndindex(8, 8):
            lattice, reach = float(component.steps[row, column]), float(component.reach[row, column])
            likely = told[row, column]
            if not component.is_blurred:
                step = float(component.told_steps[row, column])
                likely = dequantise.estimated(likely, reach, step, lattice, is_mean=row == column == 0)
            likely = likely[within]
            near = np.rint(likely / lattice)
            np.clip(near, _LEAST[row, column], _MOST, out=near)
            numbers[row, column, inner] = near
            if unsure is None:
                continue
            component.rest[row, column, inner] = likely - near * lattice
            if component.index == 0:
                self._misses.append(dequantise.misses_of(told[row, column, within][~unsure], reach, lattice))

    def is_on_steps(self) -> bool:
        """Whether the copy's brightness is on the original's steps: not if it was edited, or moved."""
        return dequantise.are_on_steps(*(sum(each) for each in zip(*self._misses, strict=True)))

    def original_file(self) -> bytes:
        """The JPEG of the numbers."""

        def put(component: int, row: int, blocks: NDArray[np.int16]) -> None:
            blocks[:] = self._numbers(component, row)

        return self._own.filled(put)

    def _moved_file(self) -> bytes:
        """The JPEG that the code made of that."""

        def put(component: int, row: int, blocks: NDArray[np.int16]) -> None:
            blocks[:] = np.clip(self._numbers(component, row) * self._parts[component], _LEAST.ravel(), _MOST)
            self._wave.add(component, row, blocks)
            np.clip(blocks, _LEAST.ravel(), _MOST, out=blocks)

        return self._moved.filled(put)

    def _numbers(self, component: int, row: int) -> Numbers:
        """Those of a row of blocks; shape (blocks, 64)."""
        return self._components[component].numbers[:, :, row].transpose(2, 0, 1).reshape(-1, 64)

    def likely_pixels(self, whole: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What is likely, decoded, where the whole numbers are not; shape (H, W, 3), upright.

        Args:
            whole: the pixels of ``original_file``, of the same shape.
        """
        height, width = self._layout.height, self._layout.width
        lying = np.ascontiguousarray(laid_back(whole.transpose(2, 0, 1), self._layout.orientation).transpose(1, 2, 0))

        def band(start: int, stop: int) -> None:
            top, bottom = max(0, start - _AROUND), min(stop + _AROUND, height)
            planes = np.zeros((bottom - top, width, 3), np.float32)
            is_likely = np.zeros((bottom - top, width), bool)
            for component in self._components:
                plane, of_plane = self._decoded(component, top, bottom)
                planes[..., component.index] = plane[: bottom - top, :width]
                is_likely |= of_plane[: bottom - top, :width]
            planes[..., 0] += _MIDDLE
            rgb = np.clip(np.rint(cv2.transform(planes, TO_RGB)), 0, 255).astype(np.uint8)
            inner = slice(start - top, stop - top)
            np.copyto(lying[start:stop], rgb[inner], where=is_likely[inner, :, None])

        in_strips(band, height, width, _BAND)
        return np.ascontiguousarray(upright(lying.transpose(2, 0, 1), self._layout.orientation).transpose(1, 2, 0))

    def _decoded(self, component: Component, top: int, bottom: int) -> tuple[Plane, NDArray[np.bool_]]:
        """A component's plane at the photo's size, at least these rows of it, and where it is not of whole numbers.

        Those of a block are rounded, as decoders do, unless they are too far from what is likely.
        """
        rows = rows_of_blocks(top, bottom, component.halved)
        held = component.numbers[:, :, rows] * component.steps[..., None, None]
        rest = component.rest[:, :, rows].astype(np.float32)
        is_likely = np.square(rest).mean(axis=(0, 1)) > _DECODING
        plane = np.rint(dequantise.from_coefficients(held))
        where = np.kron(is_likely, np.ones((8, 8), bool))
        if is_likely.any():
            np.copyto(plane, dequantise.from_coefficients(held + rest), where=where)
        tall, wide = component.halved
        # Cut off where the photo ends, for decoders do not look beyond when they bring it to full size.
        within = np.s_[: -(-(bottom - top) // tall), : -(-self._layout.width // wide)]
        # A block of halved colours reaches over its edges.
        full = brought(plane[within], component.halved, (1, 1))
        return full, brought(where[within].astype(np.float32), component.halved, (1, 1)) > 0.0
