"""Adding a code to a JPEG's own coefficients, and subtracting it again: so a JPEG comes back bit for bit, too.

Nothing is decoded or encoded for that, so nothing is lost (docs/adr/0023). Where its steps are too coarse for the code,
they are divided, and each coefficient is as many more of the finer ones (docs/adr/0025).
"""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from services.imaging.codec import coefficients, segments
from services.imaging.jpeg_code import BlockWave
from services.imaging.photo import MAX_STEP, JpegFile, JpegLayout, Tables

#: How much larger than the original its protected file may get before it is made smaller.
_GROWTH = 1.3
#: Beyond these, in steps, no file of 8 bits can be relied on to hold a block's coefficients, row by row.
_MOST_STEPS = np.full(64, 1023, np.int32)
_MOST_STEPS[0] = 2047


def add(
    file: JpegFile, code: NDArray[np.int8], divisors: Tables, icc_profile: bytes | None, carried: bytes = b""
) -> bytes | None:
    """The JPEG with a code in it, and no metadata but its orientation, the colour profile and what it carries.

    Args:
        code: shape (3, rows, columns), levels, for the upright photo.
        divisors: by how much its steps are divided; empty where they stay as they are.

    Returns:
        None where ``coefficients.changed`` cannot write it, or where the file does not read as it was written: a
        coefficient has left what a file can hold.
    """
    layout = file.layout.divided_by(divisors)
    data = _requantised(file, layout.tables)
    if data is None:
        return None
    wave, parts = BlockWave(layout, code), _as_blocks(divisors)
    is_held = True
    # Subtracting undoes adding in whole numbers: the original comes back if what was written is read. Their check sums
    # are compared, for all coefficients of a photo would be a photo more in memory.
    written = read = 0

    def move(component: int, row: int, blocks: NDArray[np.int16]) -> None:
        nonlocal is_held
        is_held &= _are_within(blocks, _MOST_STEPS // parts[component] if parts else _MOST_STEPS)
        if parts:
            blocks *= parts[component]
        wave.add(component, row, blocks)

    def change(component: int, row: int, blocks: NDArray[np.int16]) -> None:
        nonlocal written
        move(component, row, blocks)
        written = zlib.crc32(blocks.data, written)

    def look(component: int, row: int, blocks: NDArray[np.int16]) -> None:
        nonlocal read
        read = zlib.crc32(blocks.data, read)

    moved = coefficients.changed(data, change, file.is_progressive)
    if moved is not None and len(moved) > _GROWTH * len(file.data):
        # The original's Huffman codes were tuned to it, as those of a progressive one always are.
        moved = coefficients.changed(data, move, is_progressive=True)
    if moved is None or not is_held or not coefficients.read(moved, look) or read != written:
        return None
    return segments.inserted(moved, file.layout.orientation, icc_profile, carried)


def numbers(file: JpegFile) -> list[NDArray[np.int16]] | None:
    """Its coefficients, in steps of its quantiser: of each component, shape (8, 8, blocks down, blocks across).

    Returns:
        None where the library is missing, or does not read it: it is stricter than decoders.
    """
    found = [np.empty((8, 8, *blocks), np.int16) for blocks in file.layout.blocks()]

    def take(component: int, row: int, blocks: NDArray[np.int16]) -> None:
        found[component][:, :, row] = blocks.reshape(-1, 8, 8).transpose(1, 2, 0)

    return found if coefficients.read(file.data, take) else None


def rewritten(jpeg: bytes, put: coefficients.Change, layout: JpegLayout, icc_profile: bytes | None) -> bytes:
    """A JPEG of this layout with other coefficients.

    Args:
        jpeg: of the same, without metadata.

    Raises:
        ValueError: the library is missing, or cannot read it.
    """
    data = coefficients.changed(jpeg, put, is_progressive=False)
    if data is None:
        raise ValueError("the JPEG's coefficients cannot be written")
    return segments.inserted(data, layout.orientation, icc_profile, b"")


def subtract(file: JpegFile, code: NDArray[np.int8], divisors: Tables, icc_profile: bytes | None) -> bytes | None:
    """The JPEG that ``add`` was given, coefficient for coefficient, if this is what it returned with these divisors;
    else another, or None.
    """
    if divisors and len(divisors) != len(file.layout.tables):
        return None
    layout = replace(file.layout, divided=divisors)
    data = _requantised(file, layout.undivided().tables)
    if data is None:
        return None
    wave, parts = BlockWave(layout, code), _as_blocks(divisors)

    def move(component: int, row: int, blocks: NDArray[np.int16]) -> None:
        wave.subtract(component, row, blocks)
        if parts:
            blocks //= parts[component]

    moved = coefficients.changed(data, move, file.is_progressive)
    return None if moved is None else segments.inserted(moved, file.layout.orientation, icc_profile, b"")


def _are_within(blocks: NDArray[np.int16], most: NDArray[np.int32]) -> bool:
    """Whether no coefficient is further from zero than the most of its frequency."""
    if max(blocks.max(), -int(blocks.min())) <= most.min():  # nearly always, and told in a third of the time
        return True
    return bool((blocks.max(axis=0) <= most).all() and (blocks.min(axis=0) >= -most).all())


def _requantised(file: JpegFile, tables: Tables) -> bytes | None:
    """The file with other steps; None where it cannot have them."""
    if tables == file.layout.tables:
        return file.data
    if max(map(max, tables)) > MAX_STEP:
        return None
    return segments.requantised(file.data, dict(zip(file.table_numbers, tables, strict=True)))


def _as_blocks(divisors: Tables) -> list[NDArray[np.int16]]:
    return [np.array(table, np.int16) for table in divisors]
