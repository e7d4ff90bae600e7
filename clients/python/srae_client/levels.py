"""A code's levels in few bytes: each level is told by what its neighbours, and the colour before it, make likely."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Hashable

from srae_client.range_coder import Decoder, Encoder

_COLOURS = 3
#: Magnitudes from here on are rare: their rest is written plainly.
_PLAIN_FROM, _PLAIN_BITS = 16, 7
#: Contexts: how much goes on around a cell, what the colour before has there, where the neighbours lean.
_ACTIVITY = (3, 6)
_BEFORE = (-1, 0, 1, 2)
_LEANING = (-4, -1, 0, 1, 2, 5)
#: Magnitudes that have probabilities of their own, and those that depend on the activity.
_OWN, _ACTIVE = 9, 6

#: Writes a decision and gives it back, or reads it; the same walk through the levels serves both.
_Decide = Callable[[bool, Hashable], bool]
_Number = Callable[[int, int], int]


def write(levels: bytes, rows: int, columns: int) -> bytes:
    """Levels as bytes: int8, shape (3, rows, columns), row-major.

    Raises:
        ValueError: there are more or fewer of them.
    """
    if len(levels) != _COLOURS * rows * columns:
        raise ValueError("the levels do not fill the grid")
    encoder = Encoder()

    def decide(bit: bool, context: Hashable) -> bool:
        encoder.adaptive(bit, context)
        return bit

    def number(value: int, bits: int) -> int:
        encoder.number(value, bits)
        return value

    given = [byte - 256 if byte > 127 else byte for byte in levels]
    _walk(given, rows, columns, decide, number)
    return encoder.finish()


def read(data: bytes, rows: int, columns: int) -> bytes:
    """The levels in what ``write`` gave, for the same grid."""
    decoder = Decoder(data)
    levels = [0] * (_COLOURS * rows * columns)
    _walk(levels, rows, columns, lambda _, context: decoder.adaptive(context), lambda _, bits: decoder.number(bits))
    return bytes(level & 255 for level in levels)


def _walk(levels: list[int], rows: int, columns: int, decide: _Decide, number: _Number) -> None:
    """Goes through the levels in order; each is written, or is read into its place."""
    cells = rows * columns
    for here in range(len(levels)):
        colour, cell = divmod(here, cells)
        left = levels[here - 1] if cell % columns else 0
        up = levels[here - columns] if cell >= columns else 0
        before = levels[here - cells] if colour else 0
        level = levels[here]
        # Grey photos have the same code in all colours.
        if colour and decide(level == before, (colour, "same")):
            levels[here] = before
            continue
        activity = bisect(_ACTIVITY, abs(left) + abs(up) if not colour else (abs(left) + abs(up)) // 2 + abs(before))
        beside = bisect(_BEFORE, before)
        if decide(level == 0, (colour, "zero", activity, beside)):
            levels[here] = 0
            continue
        is_positive = decide(level > 0, (colour, "sign", beside, bisect(_LEANING, left + (up >> 1))))
        size = _magnitude(abs(level), colour, activity, decide, number)
        levels[here] = size if is_positive else -size


def _magnitude(size: int, colour: int, activity: int, decide: _Decide, number: _Number) -> int:
    for tried in range(1, _PLAIN_FROM):
        context = (colour, min(tried, _OWN), activity if tried < _ACTIVE else 0)
        if decide(size == tried, context):
            return tried
    return _PLAIN_FROM + number(size - _PLAIN_FROM, _PLAIN_BITS)
