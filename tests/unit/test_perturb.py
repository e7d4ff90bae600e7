"""Adding and subtracting a code: no pixel clips, and the original comes back bit for bit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.imaging import perturb
from services.imaging.resample import GRID_SIZE


def photo(height: int, width: int, seed: int) -> np.ndarray:
    """Noise with whole areas at 0 and at 255, where clipping would show."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels[: height // 3] = np.where(pixels[: height // 3] > 127, 255, 250)
    pixels[-height // 4 :] = 0
    return pixels


@given(st.integers(32, 400), st.integers(32, 400), st.integers(0, 10))
@settings(max_examples=40)
def test_any_code_within_the_headroom_restores_bit_for_bit(height: int, width: int, seed: int) -> None:
    pixels = photo(height, width, seed)
    lower, upper = perturb.headroom(pixels)
    # The extremes of the headroom are the codes most likely to clip.
    chance = np.random.default_rng(seed + 1).random((3, GRID_SIZE, GRID_SIZE))
    code = np.where(chance < 0.4, lower, np.where(chance > 0.6, upper, 0)).astype(np.int8)
    protected = perturb.add(pixels, code)
    assert np.array_equal(perturb.subtract(protected, code), pixels)


def test_headroom_is_not_smaller_than_it_must_be() -> None:
    pixels = np.full((224, 224, 3), 100, dtype=np.uint8)
    pixels[100, 50, 1] = 254
    lower, upper = perturb.headroom(pixels)
    assert upper[1].min() == 1
    assert (upper[1] == 1).sum() == 4  # the cells whose footprint holds the pixel
    assert set(np.unique(upper[0])) == {127}
    assert set(np.unique(lower)) == {-100}


def test_a_code_beyond_the_headroom_is_refused() -> None:
    pixels = np.full((64, 64, 3), 250, dtype=np.uint8)
    with pytest.raises(ValueError, match="headroom"):
        perturb.add(pixels, np.full((3, GRID_SIZE, GRID_SIZE), 6, dtype=np.int8))


def test_the_photo_given_is_not_changed() -> None:
    pixels = photo(100, 120, 0)
    before = pixels.copy()
    perturb.add(pixels, np.zeros((3, GRID_SIZE, GRID_SIZE), dtype=np.int8))
    perturb.subtract(pixels, np.full((3, GRID_SIZE, GRID_SIZE), 9, dtype=np.int8))
    assert np.array_equal(pixels, before)


def test_subtracting_from_a_copy_stops_at_the_ends() -> None:
    pixels = np.zeros((40, 40, 3), dtype=np.uint8)
    assert perturb.subtract(pixels, np.full((3, GRID_SIZE, GRID_SIZE), 9, dtype=np.int8)).max() == 0


_AFTERWARDS = """
import time
import numpy as np
from services.imaging import perturb, presence
from services.imaging.resample import GRID_SIZE

time.sleep(0.5)  # they spin once when they are made, too
code = np.random.default_rng(0).integers(-6, 7, (3, GRID_SIZE, GRID_SIZE)).astype(np.int8)
for height, width in ((224, 224), (40, 900), (900, 1200)):
    pixels = np.full((height, width, 3), 128, np.uint8)
    for work in (perturb.add, perturb.subtract, presence.score):
        work(pixels, code)
        begun = time.process_time()
        time.sleep(0.1)
        print(time.process_time() - begun)
"""


def test_no_thread_goes_on_working_afterwards() -> None:
    """BLAS's threads wait for more work by spinning for a tenth of a second: no product may go to them."""
    ran = subprocess.run([sys.executable, "-c", _AFTERWARDS], capture_output=True, text=True, check=True)
    spent = [float(line) for line in ran.stdout.split()]
    assert len(spent) == 9
    assert max(spent) < 0.05
