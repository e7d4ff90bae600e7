"""The levels of a code in few bytes: whatever goes in comes out, and a real code takes what was measured."""

import lzma
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from srae_client import levels
from srae_client.range_coder import Decoder, Encoder


@given(arrays.arrays(np.int8, st.tuples(st.just(3), st.integers(1, 6), st.integers(1, 6))))
def test_any_levels_come_back(code: np.ndarray) -> None:
    _, rows, columns = code.shape
    assert levels.read(levels.write(code.tobytes(), rows, columns), rows, columns) == code.tobytes()


@given(st.binary(max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_any_bytes_are_levels_of_some_kind(data: bytes, rows: int, columns: int) -> None:
    """The seal tells whether they are the right ones; here nothing may hang or crash."""
    assert len(levels.read(data, rows, columns)) == 3 * rows * columns


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=300), st.integers(0, 1000))
def test_the_coder_gives_decisions_and_numbers_back(decisions: list[tuple[bool, int]], number: int) -> None:
    encoder = Encoder()
    for bit, context in decisions:
        encoder.adaptive(bit, context)
    encoder.number(number, 10)
    decoder = Decoder(encoder.finish())
    assert [decoder.adaptive(context) for _, context in decisions] == [bit for bit, _ in decisions]
    assert decoder.number(10) == number


def test_what_is_expected_costs_next_to_nothing() -> None:
    encoder = Encoder()
    for _ in range(10_000):
        encoder.adaptive(True, "always")
    assert len(encoder.finish()) < 20


def test_levels_that_do_not_fill_the_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fill"):
        levels.write(bytes(11), 2, 2)


def test_a_refiners_code_is_smaller_than_general_compressors_make_it() -> None:
    """The code that the shipped refiner makes of the astronaut."""
    code = np.load(Path(__file__).parent.parent / "golden" / "astronaut.npz")["refiner"]
    data = code.astype(np.int8).tobytes()
    ours = levels.write(data, *code.shape[-2:])
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9}]
    assert len(ours) < len(lzma.compress(data, lzma.FORMAT_RAW, filters=filters)) < len(zlib.compress(data, 9))
    assert levels.read(ours, *code.shape[-2:]) == data
