"""Platforms' transforms: real JPEGs of the sizes and qualities that they are said to have."""

from __future__ import annotations

import numpy as np
import pytest

from services.evaluation.channels import CHANNELS, Channel
from services.evaluation.metrics import psnr_db


def smooth(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows % 200, columns % 200, (rows + columns) % 200], axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("channel", "kept"),
    [
        (Channel("longest side", 90, longest_side=100), (50, 100)),
        (Channel("width", 90, width=160), (80, 160)),
        (Channel("area", 90, area=5000), (50, 100)),
        (Channel("nothing", 90), (100, 200)),
    ],
)
def test_a_photo_shrinks_to_what_a_platform_keeps(channel: Channel, kept: tuple[int, int]) -> None:
    assert channel(smooth(100, 200)).pixels.shape == (*kept, 3)


def test_no_platform_enlarges() -> None:
    pixels = smooth(60, 80)
    for channel in CHANNELS:
        assert channel.shrink(pixels) is pixels
        assert channel(pixels).pixels.shape == pixels.shape


def test_a_lower_quality_loses_more() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    found = [psnr_db(pixels, Channel("q", quality)(pixels).pixels) for quality in (30, 60, 90)]
    assert found == sorted(found)
    assert found[0] < found[2] < 60


def test_a_limit_of_bytes_lowers_the_quality() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    free, limited = Channel("free", 100), Channel("limited", 100, size_bytes=3000)
    assert psnr_db(pixels, limited(pixels).pixels) < psnr_db(pixels, free(pixels).pixels)
    assert np.array_equal(Channel("enough", 100, size_bytes=10**6)(pixels).pixels, free(pixels).pixels)
