"""Bytes in a photo's pixels: they come out again, and the pixels are as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.imaging import carried
from services.imaging import embed as embedding
from services.imaging.embed import MAX_THRESHOLD, embed, extract

Pixels = np.ndarray


def noise(seed: int, height: int, width: int, mean: float, spread: float) -> Pixels:
    levels = np.random.default_rng(seed).normal(mean, spread, (height, width, 3))
    return np.clip(np.round(levels), 0, 255).astype(np.uint8)


def speckled(seed: int, height: int, width: int) -> Pixels:
    """Smooth, with specks at the ends of the range, which cannot move outward."""
    random = np.random.default_rng(seed)
    specks = random.choice(np.array([0, 1, 2, 253, 254, 255], np.uint8), (height, width, 3))
    return np.where(random.random((height, width, 3)) < 0.1, specks, noise(seed, height, width, 128, 2))


photos = st.one_of(
    st.builds(noise, st.integers(0, 999), st.integers(3, 90), st.integers(3, 70), st.floats(0, 255), st.floats(0, 40)),
    st.builds(speckled, st.integers(0, 999), st.integers(3, 200), st.integers(3, 70)),
)


@settings(max_examples=150)
@given(photos, st.binary(max_size=150))
def test_what_goes_in_comes_out_and_leaves_the_photo_as_it_was(pixels: Pixels, data: bytes) -> None:
    assert extract(pixels) is None
    written = embed(pixels, data)
    if written is not None:
        assert np.abs(written.astype(int) - pixels).max() <= MAX_THRESHOLD + 1
        read = extract(written)
        assert read is not None
        assert read[0] == data
        assert np.array_equal(read[1], pixels)


@pytest.mark.parametrize("size", [0, 1, 500, 1700])
@pytest.mark.parametrize(("spread", "most"), [(1.0, 2), (12.0, MAX_THRESHOLD + 1)])
def test_a_photo_of_224_pixels_holds_a_code(size: int, spread: float, most: int) -> None:
    pixels, data = noise(0, 224, 224, 128, spread), np.random.default_rng(size).bytes(size)
    written = embed(pixels, data)
    assert written is not None
    assert np.abs(written.astype(int) - pixels).max() <= most
    read = extract(written)
    assert read is not None
    assert read[0] == data
    assert np.array_equal(read[1], pixels)


def test_values_at_the_ends_come_back() -> None:
    pixels = speckled(0, 300, 200)
    written = embed(pixels, bytes(range(256)) * 4)
    assert written is not None
    read = extract(written)
    assert read is not None
    assert np.array_equal(read[1], pixels)


def test_a_grey_photo_stays_grey() -> None:
    pixels = np.repeat(noise(0, 100, 100, 100, 3)[..., :1], 3, axis=2)
    written = embed(pixels, b"grey" * 20)
    assert written is not None
    assert not np.array_equal(written, pixels)
    assert np.array_equal(written[..., 0], written[..., 1])
    assert np.array_equal(written[..., 0], written[..., 2])
    read = extract(written)
    assert read is not None
    assert np.array_equal(read[1], pixels)


def test_only_the_rows_that_are_needed_move() -> None:
    pixels = noise(0, 1500, 400, 128, 3)
    written = embed(pixels, b"x" * 200)
    assert written is not None
    assert np.array_equal(written[200:], pixels[200:])


def test_plain_white_holds_nothing() -> None:
    assert embed(np.full((224, 224, 3), 255, np.uint8), b"data") is None


def test_what_does_not_fit_is_refused() -> None:
    assert embed(noise(0, 32, 32, 128, 3), bytes(2000)) is None


@pytest.mark.parametrize("position", range(40, 3000, 400))
def test_a_changed_pixel_is_noticed(position: int) -> None:
    pixels, data = noise(0, 224, 224, 128, 4), b"data" * 100
    written = embed(pixels, data)
    assert written is not None
    moved = np.flatnonzero(written != pixels)
    written.reshape(-1)[moved[position]] ^= 1
    read = extract(written)
    # A pixel that held a bit breaks the checksum; one that had only made room breaks the photo's own hash.
    assert read is None or not np.array_equal(read[1], pixels)


@settings(max_examples=50)
@given(
    st.integers(0, 999),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 3]),
    st.integers(1, 56),
    st.integers(1, 56),
    st.integers(0, 3),
)
def test_a_code_survives_its_packing(seed: int, step: int, channels: int, rows: int, columns: int, tables: int) -> None:
    random = np.random.default_rng(seed)
    code = (np.round(random.laplace(0, 1, (channels, rows, columns))).clip(-12, 12) * step).astype(np.int8)
    code = np.repeat(code, 3 // channels, axis=0)
    sha256 = random.bytes(32)
    divided = tuple(tuple(map(int, random.integers(1, 256, 64))) for _ in range(tables))
    found = carried.unpack(carried.pack(code, sha256, divided))
    assert found is not None
    assert np.array_equal(found.code, code)
    assert (found.original_sha256, found.divided) == (sha256, divided)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_other_bytes_are_no_code(data: bytes) -> None:
    assert carried.unpack(data) is None or data[0] in (2, 3)


def test_a_damaged_code_is_none() -> None:
    packed = carried.pack(np.full((3, 56, 56), 8, np.int8), bytes(32))
    assert carried.unpack(packed[:-3]) is None
    assert carried.unpack(packed[:20]) is None
    for about in (bytes([2, 1, 1, 1, 1]), bytes([2, 1, 0, 56, 56]), bytes([2, 1, 2, 56, 56])):
        assert carried.unpack(about + packed[5:]) is None


def test_damaged_divisors_are_none() -> None:
    packed = carried.pack(np.full((3, 56, 56), 8, np.int8), bytes(32), ((2,) * 64,) * 3)
    assert carried.unpack(packed) is not None
    assert carried.unpack(packed[:100]) is None
    for at, byte in ((37, 0), (37, 4), (37, 255), (50, 0)):
        assert carried.unpack(packed[:at] + bytes([byte]) + packed[at + 1 :]) is None


def test_a_grey_code_takes_a_third() -> None:
    random = np.random.default_rng(0)
    coloured = (8 * random.integers(-2, 3, (3, 56, 56))).astype(np.int8)
    grey = np.repeat(coloured[:1], 3, axis=0)
    assert len(carried.pack(grey, bytes(32))) < len(carried.pack(coloured, bytes(32))) / 2


def test_a_photo_that_holds_nothing_is_not_looked_through_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    checkers = np.where(np.indices((400, 50)).sum(axis=0) % 2, 60, 200).astype(np.uint8)
    photo = np.repeat(checkers[..., None], 3, axis=2)
    seen = []
    sites = embedding._sites
    monkeypatch.setattr(embedding, "_MOST_PIXELS", 50 * 100)
    monkeypatch.setattr(embedding, "_sites", lambda top, threshold: seen.append(len(top)) or sites(top, threshold))
    assert extract(photo) is None
    assert embed(photo, b"code") is None
    assert max(seen) == 101
