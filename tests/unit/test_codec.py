"""Decoding: every format, any size, upright."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from codec_files import assert_close, exif, noise, picture, png, png_chunk, save
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.imaging.codec import MIME_TYPES, decode

#: What each orientation's file holds, of an upright picture.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
ORIENTATIONS = pytest.mark.parametrize("orientation", STORED)


def stored(upright, orientation):
    return np.ascontiguousarray(STORED[orientation](upright))


@pytest.mark.parametrize(
    ("file_format", "mime_type", "options", "lossless", "tolerance"),
    [
        ("PNG", "image/png", {}, True, 0),
        ("BMP", "image/bmp", {}, True, 0),
        ("TIFF", "image/tiff", {}, True, 0),
        ("TIFF", "image/tiff", {"compression": "tiff_lzw"}, True, 0),
        ("TIFF", "image/tiff", {"compression": "jpeg", "quality": 95}, False, 8),
        ("WEBP", "image/webp", {"lossless": True}, True, 0),
        ("WEBP", "image/webp", {"quality": 95}, False, 12),
        ("JPEG", "image/jpeg", {"quality": 95}, False, 8),
        ("JPEG", "image/jpeg", {"quality": 95, "progressive": True}, False, 8),
        ("HEIC", "image/heic", {"quality": 95}, False, 12),
    ],
)
def test_reads_each_format(file_format, mime_type, options, lossless, tolerance):
    data = save(picture(), file_format, **options)
    photo = decode(data)
    assert_close(photo.pixels, picture(), tolerance)
    assert photo.pixels.dtype == np.uint8
    assert photo.alpha is None
    assert photo.traits.mime_type == mime_type
    assert mime_type in MIME_TYPES
    assert photo.traits.size_bytes == len(data)
    assert photo.traits.lossless is lossless
    assert not photo.traits.grey


def test_webp_with_alpha_and_metadata_tells_lossless_from_lossy():
    rgba = np.concatenate((picture(), noise(48, 64, 1)), axis=2)
    for lossless in (True, False):
        assert decode(save(rgba, "WEBP", lossless=lossless, exif=exif())).traits.lossless is lossless


@ORIENTATIONS
@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_orientation_is_applied_exactly(file_format, options, orientation):
    upright = noise(40, 56, 3)
    assert np.array_equal(
        decode(save(stored(upright, orientation), file_format, exif=exif(orientation), **options)).pixels, upright
    )


@ORIENTATIONS
@pytest.mark.parametrize("file_format", ["JPEG", "HEIC"])
def test_orientation_is_applied_once(file_format, orientation):
    upright = picture(40, 56)
    data = save(stored(upright, orientation), file_format, exif=exif(orientation), quality=95)
    assert_close(decode(data).pixels, upright, 12)


def test_orientation_turns_alpha_along():
    upright = noise(40, 56, 4)
    photo = decode(save(stored(upright, 6), "PNG", exif=exif(6)))
    assert np.array_equal(photo.alpha, upright[..., 3])


@pytest.mark.parametrize(
    "block", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM garbage", b"Exif\0\0" + b"\xff" * 40]
)
@pytest.mark.filterwarnings("ignore")
def test_damaged_exif_does_not_cost_the_photo(block):
    assert np.array_equal(decode(png(picture(), 8, 2, png_chunk(b"eXIf", block))).pixels, picture())
    assert decode(save(picture(), "JPEG", exif=block)).width == 64


def test_of_a_phone_s_several_pictures_the_first_is_taken():
    first, second = Image.fromarray(picture()), Image.fromarray(255 - picture())
    data = save(first, "MPO", save_all=True, append_images=[second])
    assert data.count(b"MPF\0") >= 1
    photo = decode(data)
    assert photo.traits.mime_type == "image/jpeg"
    assert_close(photo.pixels, picture(), 16)


def test_jpeg_tables_are_one_a_component():
    data = save(picture(), "JPEG", qtables=[[3] * 64, [5] * 64, [7] * 64], subsampling="4:2:2")
    tables = decode(data).traits.jpeg
    assert [table[0] for table in tables.quantisation] == [3, 5, 7]
    assert tables.subsampling == 1
    shared = decode(save(picture(), "JPEG", qtables=[[3] * 64], subsampling="4:4:4")).traits.jpeg
    assert [table[0] for table in shared.quantisation] == [3]
    assert shared.subsampling == 0
    assert decode(save(picture(), "PNG")).traits.jpeg is None


@settings(max_examples=25)
@given(
    width=st.integers(32, 150), height=st.integers(32, 150), mode=st.sampled_from(["L", "LA", "RGB", "RGBA", "1", "P"])
)
def test_any_size_and_mode_of_png_is_read_exactly(width, height, mode):
    samples = noise(height, width, 4 if mode in ("LA", "RGBA") else 3, seed=width)
    image = Image.fromarray(samples).convert(mode)
    photo = decode(save(image, "PNG"))
    expected = np.asarray(image.convert("RGBA"))
    assert np.array_equal(photo.pixels, expected[..., :3])
    assert (photo.alpha is not None) == (mode in ("LA", "RGBA"))
    if photo.alpha is not None:
        assert np.array_equal(photo.alpha, expected[..., 3])


PEAK = """
import io, resource
import numpy as np
from PIL import Image
from services.imaging.codec import decode, encode
file = io.BytesIO()
Image.new("RGB", (8000, 6250), (90, 140, 60)).save(file, {file_format!r}, **{options!r})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
photo = decode(file.getvalue())
assert photo.pixels.shape == (6250, 8000, 3)
encode(photo)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / photo.pixels.nbytes)
"""


@pytest.mark.parametrize(("file_format", "options"), [("JPEG", {"exif": exif(6)}), ("PNG", {"compress_level": 1})])
def test_fifty_megapixels_take_a_few_copies_of_memory(file_format, options):
    script = PEAK.format(file_format=file_format, options=options)
    if "exif" in options:  # stored lying on its side, so that it must be turned
        script = script.replace("(8000, 6250)", "(6250, 8000)")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 5
