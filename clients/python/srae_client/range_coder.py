"""An adaptive binary range coder: each decision costs as many bits as it was surprising.

All arithmetic is on whole numbers, so that what one computer writes every other reads.
"""

from __future__ import annotations

from collections.abc import Hashable

_RANGE_BITS, _LEAST_RANGE = 32, 1 << 24
_ONE = 1 << 16
_HALF = _ONE // 2
#: A probability moves by 1/2 of its error first, then by 1/3, and so on until here.
_SLOWEST = 255


class _Model:
    """How likely each decision is, learned as it goes. Both sides learn the same."""

    def __init__(self) -> None:
        self._learned: dict[Hashable, tuple[int, int]] = {}

    def probability(self, context: Hashable) -> int:
        """Of a yes, in 1/65536, never 0 or 1."""
        return self._learned.get(context, (_HALF, 1))[0]

    def learn(self, context: Hashable, bit: bool) -> None:
        """Moves a probability towards what was decided."""
        probability, seen = self._learned.get(context, (_HALF, 1))
        seen = min(seen + 1, _SLOWEST)
        probability += ((_ONE if bit else 0) - probability) // seen
        self._learned[context] = min(max(probability, 32), _ONE - 32), seen


class Encoder:
    """Takes decisions, and gives them as bytes."""

    def __init__(self) -> None:
        self._model = _Model()
        self._low, self._range, self._bytes = 0, 1 << _RANGE_BITS, _RANGE_BITS // 8

    def adaptive(self, bit: bool, context: Hashable) -> None:
        """A decision that earlier ones in the same context tell something of."""
        self._encode(bit, self._model.probability(context))
        self._model.learn(context, bit)

    def number(self, value: int, bits: int) -> None:
        """A whole number of so many bits, of which nothing is known."""
        for place in reversed(range(bits)):
            self._encode(bool(value >> place & 1), _HALF)

    def _encode(self, bit: bool, probability: int) -> None:
        bound = (self._range >> 16) * probability
        if bit:
            self._range = bound
        else:
            self._low += bound
            self._range -= bound
        while self._range < _LEAST_RANGE:
            # The whole stream is one number: Python's have any length, so nothing is carried by hand.
            self._low <<= 8
            self._range <<= 8
            self._bytes += 1

    def finish(self) -> bytes:
        """The bytes; zeros at the end are left out."""
        for spare in reversed(range(_RANGE_BITS)):
            rounded = (self._low + (1 << spare) - 1) >> spare << spare
            if rounded < self._low + self._range:
                return rounded.to_bytes(self._bytes, "big").rstrip(b"\0")
        raise AssertionError("with no bit to spare, the number itself is in its range")


class Decoder:
    """Gives the decisions back, asked for in the same order. Any bytes are decisions of some kind."""

    def __init__(self, data: bytes) -> None:
        self._model = _Model()
        self._data, self._next = data, _RANGE_BITS // 8
        self._code = int.from_bytes(data[: self._next].ljust(self._next, b"\0"), "big")
        self._range = 1 << _RANGE_BITS

    def adaptive(self, context: Hashable) -> bool:
        """The next decision of a context."""
        bit = self._decode(self._model.probability(context))
        self._model.learn(context, bit)
        return bit

    def number(self, bits: int) -> int:
        """The next whole number of so many bits."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self._decode(_HALF)
        return value

    def _decode(self, probability: int) -> bool:
        bound = (self._range >> 16) * probability
        bit = self._code < bound
        if bit:
            self._range = bound
        else:
            self._code -= bound
            self._range -= bound
        while self._range < _LEAST_RANGE:
            byte = self._data[self._next] if self._next < len(self._data) else 0
            self._next += 1
            self._code = self._code << 8 | byte
            self._range <<= 8
        return bit
