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
    found = jpeg_original.seek(copy, receipt.code, layout, receipt.original_sha256)
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


@pytest.mark.parametrize("picture", ["astronaut", "rocket", "chelsea"])
@pytest.mark.parametrize(("quality", "of_copy"), [(40, 43), (60, 72), (75, 75), (75, 87), (85, 90), (92, 98)])
@pytest.mark.parametrize(
    ("original_as", "copy_as"),
    [
        ("4:2:0", "4:2:0"),
        ("4:4:4", "4:2:0"),
        ("4:2:0", "4:4:4"),
        ("4:2:2", "4:2:0"),
        ("4:4:4", "4:2:2"),
        ("grey", "4:2:0"),
    ],
)
def test_never_further_than_by_subtraction(
    original_as: str, copy_as: str, quality: int, of_copy: int, picture: str
) -> None:
    options = {"mode": "L"} if original_as == "grey" else {"subsampling": original_as}
    original = codec.decode(jpeg(getattr(data, picture)()[:203, 100:333], quality=quality, **options))
    protected, receipt, layout = written(original)
    copy = codec.decode(jpeg(protected.pixels, quality=of_copy, subsampling=copy_as))
    subtracted = psnr_db(original.pixels, jpeg_copy.subtract(copy, receipt.code, layout))
    assert psnr_db(original.pixels, sought(copy, receipt).pixels) > min(subtracted, 60.0) - 0.1


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_blocks_are_the_original_s_or_it_is_not_sought(orientation: int, subsampling: str) -> None:
    original = codec.decode(jpeg(PIXELS[:200, :200], orientation, quality=75, subsampling=subsampling))
    protected, receipt, layout = written(original)
    copy = NAMED["Mastodon"](protected.pixels)
    restored = asyncio.run(pipeline.restore(copy, receipt, EmbeddedBackend(REPOSITORY))).photo.pixels
    subtracted = jpeg_copy.subtract(copy, receipt.code, layout)
    assert psnr_db(original.pixels, restored) > psnr_db(original.pixels, subtracted) - 0.1
    assert jpeg_original.is_possible(copy, layout) == (orientation in (1, 5))


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


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("orientation", [1, 5])
def test_bit_for_bit_from_a_screenshot(mode: str, orientation: int) -> None:
    """Of what was not clipped, at its own size, in a lossless file."""
    original = codec.decode(jpeg(SOFT, orientation, quality=75, mode=mode))
    protected, receipt, _ = written(original)
    screenshot = codec.decode(codec.encode(protected, "image/png").data)
    restored = asyncio.run(pipeline.restore(screenshot, receipt, EmbeddedBackend(REPOSITORY)))
    assert restored.is_bit_exact
    assert np.array_equal(restored.photo.pixels, original.pixels)
    assert restored.file is not None
    assert np.array_equal(codec.decode(restored.file.data).pixels, original.pixels)


@pytest.mark.parametrize("picture", ["astronaut", "rocket", "chelsea"])
@pytest.mark.parametrize("quality", [40, 75, 90, 98])
def test_from_a_screenshot_of_any_picture_it_is_nearer_than_by_subtraction(picture: str, quality: int) -> None:
    original = codec.decode(jpeg(getattr(data, picture)()[:203, 100:333], quality=quality))
    protected, receipt, layout = written(original)
    screenshot = codec.decode(codec.encode(protected, "image/png").data)
    restored = asyncio.run(pipeline.restore(screenshot, receipt, EmbeddedBackend(REPOSITORY))).photo.pixels
    by_moves = jpeg_copy.subtract_moves(screenshot, receipt.code, layout)
    assert psnr_db(original.pixels, restored) > psnr_db(original.pixels, by_moves) + (6 if quality < 90 else 0)


def test_what_was_drawn_over_the_copy_stays_where_it_is() -> None:
    original = codec.decode(jpeg(PIXELS, quality=75, subsampling="4:2:0"))
    protected, receipt, _ = written(original)
    drawn = protected.pixels.copy()
    cv2.rectangle(drawn, (100, 100), (180, 140), (255, 0, 0), -1)
    restored = sought(NAMED["Mastodon"](drawn), receipt).pixels
    assert np.abs(restored[110:130, 110:170].astype(int) - (255, 0, 0)).mean() < 12
    beside = np.s_[160:, :]
    assert psnr_db(original.pixels[beside], restored[beside]) > 45


def test_clipped_blocks_do_not_speak_against_the_rest() -> None:
    bright = np.clip(data.coffee()[:320, :400] * 1.6, 0, 255).astype(np.uint8)
    original = codec.decode(jpeg(bright, quality=75, subsampling="4:4:4"))
    protected, receipt, layout = written(original)
    copy = NAMED["Bluesky"](protected.pixels)
    restored = psnr_db(original.pixels, sought(copy, receipt).pixels)
    assert restored > psnr_db(original.pixels, jpeg_copy.subtract(copy, receipt.code, layout)) + 0.5


def test_a_slightly_damaged_copy_is_restored_as_before() -> None:
    """Decoders read what the library that hands out coefficients refuses."""
    original = codec.decode(jpeg(PIXELS, quality=75, subsampling="4:2:0"))
    protected, receipt, layout = written(original)
    whole = jpeg(protected.pixels, quality=85, subsampling="4:2:0")
    copy = codec.decode(whole[:-2] + bytes(range(1, 60)) + b"\xff\xd9")
    assert jpeg_original.is_possible(copy, layout)
    assert jpeg_original.seek(copy, receipt.code, layout, receipt.original_sha256) is None
    restored = asyncio.run(pipeline.restore(copy, receipt, EmbeddedBackend(REPOSITORY)))
    assert np.array_equal(restored.photo.pixels, jpeg_copy.subtract(copy, receipt.code, layout))


def test_a_grey_original_keeps_no_coloured_profile() -> None:
    original = codec.decode(jpeg(SOFT, quality=60, mode="L"))
    protected, receipt, _ = written(original)
    found = sought(codec.decode(jpeg(protected.pixels, quality=95)), receipt)
    assert found.file is not None
    with Image.open(io.BytesIO(found.file)) as image:
        assert image.mode == "L"
        assert "icc_profile" not in image.info


def test_a_copy_that_is_on_other_steps_is_told() -> None:
    original = codec.decode(jpeg(PIXELS, quality=75, subsampling="4:2:0"))
    protected, receipt, layout = written(original)
    brighter = np.clip(protected.pixels * 1.1, 0, 255).astype(np.uint8)
    assert jpeg_original.seek(NAMED["Mastodon"](brighter), receipt.code, layout, receipt.original_sha256) is None
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
    assert not jpeg_original.is_possible(copy, replace(layout, height=160))
    assert not jpeg_original.is_possible(codec.decode(codec.encode(copy, "image/webp").data), layout)
    assert not jpeg_original.is_possible(codec.decode(jpeg(protected.pixels, mode="L")), layout)
    assert not jpeg_original.is_possible(codec.decode(jpeg(protected.pixels, orientation=3)), layout)
    assert not jpeg_original.is_possible(codec.decode(jpeg(protected.pixels, quality=70)), layout)
    other_way = replace(file_of(original).layout, halved=(2, 1))
    assert jpeg_original.seek(copy, receipt.code, replace(layout, moved_in=other_way), receipt.original_sha256) is None
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
