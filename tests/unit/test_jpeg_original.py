"""The original sought in a platform's JPEG of a protected one: nearer than what is subtracted, and once bit for bit."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data
from test_jpeg_file import file_of, jpeg, receipt_for

from services.evaluation.channels import CHANNELS
from services.evaluation.metrics import psnr_db
from services.imaging import codec, jpeg_copy, jpeg_original, pipeline
from services.imaging.codec import coefficients
from services.imaging.orientation import laid_back, upright
from services.imaging.photo import Layout, Photo
from services.imaging.receipt import Receipt
from services.inference.embedded import EmbeddedBackend

REPOSITORY = Path(__file__).parents[2] / "triton_models"
#: Sides that are whole blocks of halved colour, whichever way round.
PIXELS = np.ascontiguousarray(data.astronaut()[:320, 48:448])
#: Nothing of it comes near black or white.
SOFT = (PIXELS // 2 + 64).astype(np.uint8)
NAMED = {channel.name: channel for channel in CHANNELS}


def written(original: Photo) -> tuple[Photo, Receipt, Layout]:
    done = pipeline.write(original, receipt_for(original))
    assert done.receipt.original_layout is not None
    return codec.decode(done.file.data), done.receipt, done.receipt.original_layout


def sought(copy: Photo, receipt: Receipt) -> jpeg_original.Found:
    layout = receipt.original_layout
    assert layout is not None
    assert jpeg_original.is_possible(copy, layout)
    found = jpeg_original.found(copy, receipt.code, layout)
    assert found is not None
    return found


@pytest.mark.parametrize("channel", ["X", "Instagram", "Bluesky", "Mastodon"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_more_comes_back_than_the_platform_would_have_left(orientation: int, channel: str) -> None:
    original = codec.decode(jpeg(PIXELS, orientation, quality=75, subsampling="4:2:0"))
    protected, receipt, layout = written(original)
    copy, clean = (NAMED[channel](pixels) for pixels in (protected.pixels, original.pixels))
    subtracted = jpeg_copy.subtract(copy, receipt.code, layout)
    restored = psnr_db(original.pixels, sought(copy, receipt).pixels)
    assert restored > max(psnr_db(original.pixels, subtracted), psnr_db(original.pixels, clean.pixels)) + 2


@pytest.mark.parametrize("quality", [60, 90, 96])
@pytest.mark.parametrize("of_copy", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("of_original", ["4:4:4", "4:2:2", "4:2:0", "grey"])
def test_never_further_than_by_subtraction(of_original: str, of_copy: str, quality: int) -> None:
    options = {"mode": "L"} if of_original == "grey" else {"subsampling": of_original}
    original = codec.decode(jpeg(data.astronaut()[:203, 100:333], quality=quality, **options))
    protected, receipt, layout = written(original)
    copy = codec.decode(jpeg(protected.pixels, quality=85, subsampling=of_copy))
    subtracted = jpeg_copy.subtract(copy, receipt.code, layout)
    restored = psnr_db(original.pixels, sought(copy, receipt).pixels)
    assert restored > psnr_db(original.pixels, subtracted) - 0.1


def test_bit_for_bit_from_a_platform_s_copy() -> None:
    """Where its quantiser is finer than the original's, nothing was clipped, and no block is cut off."""
    original = codec.decode(jpeg(SOFT, quality=60, subsampling="4:2:0"))
    protected, receipt, _ = written(original)
    copy = NAMED["Bluesky"](protected.pixels)
    assert not np.array_equal(copy.pixels, protected.pixels)
    restored = asyncio.run(pipeline.restore(copy, receipt, EmbeddedBackend(REPOSITORY)))
    assert restored.is_bit_exact
    assert np.array_equal(restored.photo.pixels, original.pixels)
    assert restored.file is not None
    assert np.array_equal(codec.decode(restored.file.data).pixels, original.pixels)
    assert file_of(codec.decode(restored.file.data)).layout == file_of(original).layout


def test_what_was_drawn_over_the_copy_stays_where_it_is() -> None:
    original = codec.decode(jpeg(PIXELS, quality=75, subsampling="4:2:0"))
    protected, receipt, _ = written(original)
    drawn = protected.pixels.copy()
    cv2.rectangle(drawn, (100, 100), (180, 140), (255, 0, 0), -1)
    restored = sought(NAMED["Mastodon"](drawn), receipt).pixels
    assert np.abs(restored[110:130, 110:170].astype(int) - (255, 0, 0)).mean() < 12
    beside = np.s_[160:, :]
    assert psnr_db(original.pixels[beside], restored[beside]) > 45


def test_a_copy_that_is_on_other_steps_is_told() -> None:
    original = codec.decode(jpeg(PIXELS, quality=75, subsampling="4:2:0"))
    protected, receipt, layout = written(original)
    brighter = np.clip(protected.pixels * 1.1, 0, 255).astype(np.uint8)
    assert jpeg_original.found(NAMED["Mastodon"](brighter), receipt.code, layout) is None
    restored = asyncio.run(
        pipeline.restore(NAMED["Mastodon"](brighter), receipt, EmbeddedBackend(REPOSITORY), is_own=True)
    )
    assert restored.is_bit_exact is False


def test_where_it_cannot_be_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    original = codec.decode(jpeg(PIXELS, quality=75, subsampling="4:2:0"))
    protected, receipt, layout = written(original)
    copy = NAMED["X"](protected.pixels)
    assert jpeg_original.is_possible(copy, layout)
    assert not jpeg_original.is_possible(copy, replace(layout, moved_in=None))
    assert not jpeg_original.is_possible(copy, replace(layout, jpeg_steps=()))
    assert not jpeg_original.is_possible(copy, replace(layout, height=160))
    assert not jpeg_original.is_possible(codec.decode(codec.encode(copy, "image/png").data), layout)
    assert not jpeg_original.is_possible(codec.decode(jpeg(protected.pixels, mode="L")), layout)
    assert not jpeg_original.is_possible(codec.decode(jpeg(protected.pixels, orientation=3)), layout)
    other_way = replace(file_of(original).layout, halved=(2, 1))
    assert jpeg_original.found(copy, receipt.code, replace(layout, moved_in=other_way)) is None
    monkeypatch.setattr(coefficients, "_library", lambda: None)
    assert not jpeg_original.is_possible(copy, layout)


def test_a_blank_jpeg_has_the_layout_that_it_is_asked_for() -> None:
    for options in ({"subsampling": "4:2:2"}, {"subsampling": "4:4:4"}, {"mode": "L"}):
        layout = file_of(codec.decode(jpeg(PIXELS[:133, :77], quality=83, **options))).layout
        assert file_of(codec.decode(codec.blank_jpeg(layout) or b"")).layout == layout


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_turn_as_pillow_does(orientation: int) -> None:
    lying = np.asarray(Image.open(io.BytesIO(jpeg(PIXELS, orientation))))
    turned = codec.decode(jpeg(PIXELS, orientation)).pixels
    assert np.array_equal(upright(lying.transpose(2, 0, 1), orientation).transpose(1, 2, 0), turned)
    assert np.array_equal(laid_back(turned.transpose(2, 0, 1), orientation).transpose(1, 2, 0), lying)
