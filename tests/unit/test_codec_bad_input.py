"""Bad input at the door: each kind gets its reason and a sentence that says what to do, and nothing crashes."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from unittest.mock import Mock

import cv2
import numpy as np
import pillow_heif
import pytest
from codec_files import exif, noise, picture, png, png_chunk, png_of_size, save
from heic_grid import box, grid
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from services.errors import InvalidImageError, Reason
from services.imaging.codec import decode
from services.imaging.photo import Photo

FRAMES = [Image.fromarray(noise(40, 50, 3, seed=s)) for s in range(2)]


def refusal(data):
    with pytest.raises(InvalidImageError) as caught:
        decode(data)
    assert caught.value.field == "image"
    assert str(caught.value).endswith(".")
    return caught.value


def reason(data):
    return refusal(data).reason


def iso_media(major, *compatible):
    brands = major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands + b"\0" * 64


def tiff(**tags):
    return save(picture(), "TIFF", tiffinfo={int(tag[1:]): value for tag, value in tags.items()})


def test_empty():
    assert reason(b"") is Reason.EMPTY_IMAGE


@pytest.mark.parametrize(
    "data", [b"\0", b"\0" * 5000, b"hello", b"BM", b"BMW is a car maker in Munich", b"<html><body>", b"RIFF1234WAVE"]
)
def test_not_an_image(data):
    assert reason(data) is Reason.NOT_AN_IMAGE


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (save(FRAMES[0], "GIF"), "GIF"),
        (save(FRAMES[0], "AVIF"), "AVIF"),
        (save(FRAMES[0], "JPEG2000"), "JPEG 2000"),
        (save(FRAMES[0], "PDF"), "PDF"),
        (save(FRAMES[0], "ICO"), "icon"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n<svg/>", "SVG"),
        (iso_media(b"isom", b"mp42"), "video"),
        (iso_media(b"crx ", b"crx "), "RAW"),
        (iso_media(b"mif1", b"avif"), "AVIF"),
        (b"II*\0\x10\0\0\0CR\2\0" + b"\0" * 99, "RAW"),
        (tiff(t50706=b"\1\4\0\0"), "RAW"),
        (tiff(t254=1), "RAW"),
        (b"PK\x03\x04" + b"\0" * 99, "archive"),
    ],
)
def test_unsupported_formats_are_named(data, name):
    error = refusal(data)
    assert error.reason is Reason.UNSUPPORTED_FORMAT
    assert name in str(error)
    assert "JPEG, PNG" in str(error)


def test_samples_of_32_bits():
    for samples in (np.zeros((40, 40), np.float32), np.zeros((40, 40), np.int32)):
        assert reason(save(Image.fromarray(samples), "TIFF")) is Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
def test_a_whole_tiff_of_other_samples_is_not_called_damaged(kind):
    is_written, data = cv2.imencode(".tiff", np.zeros((40, 40, 3), kind))
    assert is_written
    error = refusal(data.tobytes())
    assert error.reason is Reason.UNSUPPORTED_FORMAT
    assert "floating-point" in str(error)


def test_high_dynamic_range():
    hdr = save(picture(), "HEIC", transfer_characteristics=pillow_heif.HeifTransferCharacteristics.ITU_R_BT_2100_0_HLG)
    assert reason(hdr) is Reason.UNSUPPORTED_FORMAT


def test_several_pages_are_no_animation():
    error = refusal(save(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]))
    assert error.reason is Reason.UNSUPPORTED_FORMAT
    assert "one page as PNG" in str(error)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP"])
def test_animated(file_format):
    data = save(FRAMES[0], file_format, save_all=True, append_images=FRAMES[1:])
    error = refusal(data)
    assert error.reason is Reason.ANIMATED_IMAGE
    assert "one frame as PNG" in str(error)


def test_animated_gif_with_palettes_and_comments_and_cut_off():
    data = save(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:], comment=b"x" * 600, loop=0)
    assert reason(data) is Reason.ANIMATED_IMAGE
    still = save(FRAMES[0], "GIF", comment=b"x" * 600)
    assert reason(still) is Reason.UNSUPPORTED_FORMAT
    assert {reason(data[:length]) for length in range(6, len(data), 37)} == {
        Reason.UNSUPPORTED_FORMAT,
        Reason.ANIMATED_IMAGE,
    }


def test_heic_sequence():
    data = save(picture(), "HEIC")
    assert reason(data.replace(b"ftypheic", b"ftypmsf1", 1)) is Reason.ANIMATED_IMAGE


def test_heic_of_tiles():
    assert np.abs(decode(grid(64, 2, 3, (192, 128))).pixels.astype(int) - (90, 120, 150)).max() < 8
    assert decode(grid(512, 4, 4, (300, 300))).pixels.shape == (300, 300, 3)


@pytest.mark.parametrize(("side", "rows", "columns"), [(512, 30, 30), (4000, 4, 4)])
def test_heic_whose_tile_is_named_again_and_again(side, rows, columns):
    assert reason(grid(side, rows, columns, (600, 600))) is Reason.DECOMPRESSION_BOMB


@pytest.mark.parametrize("tiles", [[2] * 4, [1, 1, 2, 1]])
def test_heic_that_is_put_together_of_itself(tiles):
    assert reason(grid(64, 2, 2, (128, 128), tiles)) is Reason.TRUNCATED_IMAGE


@pytest.mark.parametrize(
    "more",
    [box(b"meta", b""), struct.pack(">I4s", 7, b"free"), box(b"free", b"") * 20_000],
    ids=["two", "short", "many"],
)
def test_heic_with_boxes_that_no_photo_has(more):
    assert reason(grid(64, 2, 2, (128, 128)) + more) is Reason.TRUNCATED_IMAGE


def test_heic_of_several_pictures_gives_its_primary_one():
    burst = pillow_heif.from_pillow(Image.fromarray(255 - picture()))
    burst.add_from_pillow(Image.fromarray(picture()))
    file = io.BytesIO()
    burst.save(file, primary_index=1, enc_params={"preset": "ultrafast"})
    data = file.getvalue()
    assert len(pillow_heif.open_heif(data)) == 2
    assert np.abs(decode(data).pixels.astype(int) - picture()).max() < 40


STILL = {
    "jpeg": lambda: save(picture(), "JPEG", exif=exif(6)),
    "progressive": lambda: save(picture(), "JPEG", progressive=True),
    "cmyk": lambda: save(Image.fromarray(noise(40, 50, 4), "CMYK"), "JPEG"),
    "png": lambda: save(picture(), "PNG", exif=exif(6)),
    "palette": lambda: save(Image.fromarray(picture()).quantize(16), "PNG", transparency=3),
    "png 16": lambda: png(noise(40, 50, 3).astype(np.uint16) * 257, 16, 2),
    "webp": lambda: save(picture(), "WEBP", exif=exif(6)),
    "lossless webp": lambda: save(noise(40, 50, 4), "WEBP", lossless=True),
    "tiff": lambda: save(picture(), "TIFF", exif=exif(6)),
    "deflate tiff": lambda: save(picture(), "TIFF", compression="tiff_adobe_deflate"),
    "jpeg tiff": lambda: save(picture(), "TIFF", compression="jpeg"),
    "bmp": lambda: save(picture(), "BMP"),
    "heic": lambda: save(picture(), "HEIC", exif=exif(6)),
}


@pytest.mark.parametrize("kind", STILL)
@pytest.mark.filterwarnings("ignore")
def test_truncated(kind):
    data = STILL[kind]()
    assert decode(data)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    for share in (0.15, 0.5, 0.9):
        error = refusal(data[: int(share * len(data))])
        assert error.reason is Reason.TRUNCATED_IMAGE
        assert "cut off" in str(error)


@pytest.mark.parametrize(
    "magic", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"II*\0", iso_media(b"heic")]
)
def test_a_beginning_and_nothing_behind_it(magic):
    assert reason(magic) is Reason.TRUNCATED_IMAGE
    assert reason(magic + b"\xab" * 500) is Reason.TRUNCATED_IMAGE


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (31, 32, Reason.IMAGE_TOO_SMALL),
        (4000, 31, Reason.IMAGE_TOO_SMALL),
        (10_000, 5001, Reason.IMAGE_TOO_LARGE),
        (20_000, 10_000, Reason.IMAGE_TOO_LARGE),
        (20_000, 10_001, Reason.DECOMPRESSION_BOMB),
        (65_536, 32, Reason.IMAGE_TOO_LARGE),
        (2**31 - 1, 2**31 - 1, Reason.DECOMPRESSION_BOMB),
    ],
)
@pytest.mark.parametrize("action", ["error", "ignore"])
def test_sizes_are_told_from_the_header(width, height, expected, action):
    with warnings.catch_warnings():  # the outcome does not hang on how the process treats warnings
        warnings.simplefilter(action)
        assert reason(png_of_size(width, height, 8, 2, png_chunk(b"IDAT", b""))) is expected
        bmp = bytearray(save(picture(), "BMP"))
        bmp[18:26] = struct.pack("<II", width, height)
        assert reason(bytes(bmp)) is expected


def test_a_webp_s_size_is_told_before_its_canvas_is_allocated():
    def lossy(width, height):
        body = b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + b"\0" * 20
        return b"RIFF" + struct.pack("<I", len(body) + 12) + b"WEBPVP8 " + struct.pack("<I", len(body)) + body

    assert reason(lossy(16_383, 16_383)) is Reason.DECOMPRESSION_BOMB
    assert reason(lossy(16_000, 4000)) is Reason.IMAGE_TOO_LARGE
    assert reason(lossy(16, 16)) is Reason.IMAGE_TOO_SMALL
    canvas = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff\xff\0" * 2
    assert reason(b"RIFF" + struct.pack("<I", 100) + canvas + b"ANMF" + b"\0" * 60) is Reason.DECOMPRESSION_BOMB
    assert reason(b"RIFF" + struct.pack("<I", 9999) + b"WEBP" + b"\0" * 9999) is Reason.TRUNCATED_IMAGE


def test_the_smallest_sizes_work():
    for file_format in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "HEIC"):
        assert decode(save(picture(32, 32), file_format)).pixels.shape == (32, 32, 3)


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt"])
def test_text_and_profiles_that_unpack_without_end(kind):
    packed = zlib.compress(b"\0" * 50_000_000)
    head = b"XML:com.adobe.xmp\0\1\0\0\0" if kind == b"iTXt" else b"name\0\0"
    assert reason(png(picture(), 8, 2, png_chunk(kind, head + packed))) is Reason.DECOMPRESSION_BOMB


def with_scans(count):
    """A progressive JPEG whose last scan is there again and again: each is short and goes over the whole picture."""
    jpeg = STILL["progressive"]()
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + count * jpeg[last:-2] + jpeg[-2:]


def test_a_jpeg_of_very_many_scans_is_not_opened():
    assert decode(with_scans(50))
    assert reason(with_scans(150)) is Reason.DECOMPRESSION_BOMB
    # Decoders pass over what is no marker, over a segment that says to have no length, and over a marker alone.
    jpeg, behind_a_marker = with_scans(150), STILL["progressive"]()
    last = behind_a_marker.rindex(b"\xff\xda")
    for data in (
        jpeg[:2] + b"\xff\xee\0\2\0" + jpeg[2:],
        jpeg[:2] + b"\xff\xee\0\0" + jpeg[2:],
        behind_a_marker[:-2] + b"\xff\x01" + 150 * behind_a_marker[last:-2] + behind_a_marker[-2:],
        behind_a_marker[:-2] + b"\xff\x02\xff\xff" + 150 * behind_a_marker[last:-2] + behind_a_marker[-2:],
        behind_a_marker[:-2] + 2000 * b"\xff\xfe\0\2" + 150 * behind_a_marker[last:-2] + behind_a_marker[-2:],
    ):
        assert reason(data) is Reason.DECOMPRESSION_BOMB
    # What follows the picture, as a phone's film does, is none of its scans.
    assert decode(STILL["progressive"]() + 150 * b"\xff\xda film")


def test_a_jpeg_of_very_many_segments_is_not_opened():
    def with_segments(count, segment):
        jpeg = STILL["jpeg"]()
        return jpeg[:2] + count * segment + jpeg[2:]

    empty, exif_segment = b"\xff\xe5\0\2", b"\xff\xe1\0\x08Exif\0\0"
    assert decode(with_segments(500, empty))
    for data in (
        with_segments(2000, empty),
        with_segments(100, exif_segment),
        with_segments(20_000, b"\xff"),
        with_segments(10_000, b"\xff\xd0"),
        with_segments(1, b"\xff\xd8" + 100 * exif_segment),
        with_segments(1, b"\xff\xd9" + 2000 * empty),
    ):
        assert reason(data) is Reason.DECOMPRESSION_BOMB


def test_a_png_of_very_many_chunks_is_not_opened():
    assert decode(png(picture(), 8, 2, *[png_chunk(b"prVt", b"")] * 500))
    assert reason(png(picture(), 8, 2, *[png_chunk(b"prVt", b"")] * 2000)) is Reason.DECOMPRESSION_BOMB
    assert reason(png(picture(), 8, 2, *[png_chunk(b"IDAT", b"")] * 100_000)) is Reason.DECOMPRESSION_BOMB


def test_a_tiff_of_huge_tiles_is_not_opened():
    data = tiff(t65000=8192, t65001=8192)
    for other, tag in ((65000, 322), (65001, 323)):  # Pillow writes none of these itself
        assert data.count(struct.pack("<H", other)) == 1
        data = data.replace(struct.pack("<H", other), struct.pack("<H", tag))
    assert reason(data) is Reason.DECOMPRESSION_BOMB


@pytest.mark.parametrize(("order", "wide"), [("<", False), ("<", True), (">", False)])  # as Pillow knows them
def test_a_tiff_of_very_many_values_in_a_tag_is_not_opened(order, wide):
    def with_entry(tag, kind, values, entries=1):
        mark, number = {"<": b"II", ">": b"MM"}[order], "Q" if wide else "L"
        head = struct.pack(order + "HHHQ", 43, 8, 0, 16) if wide else struct.pack(order + "HL", 42, 8)
        count = struct.pack(order + ("Q" if wide else "H"), entries)
        return mark + head + count + struct.pack(f"{order}HH{number}{number}", tag, kind, values, 0) + b"\0" * 40_000

    bits, profile, private, number, small, raw, text = 258, 34675, 50000, 3, 6, 7, 2
    for data in (
        with_entry(bits, number, 2_000_000),
        with_entry(bits, raw, 2_000_000),
        with_entry(private, number, 2_000_000),
        with_entry(profile, small, 2_000_000),
        with_entry(profile, raw, 1, entries=2000),
    ):
        assert reason(data) is Reason.DECOMPRESSION_BOMB
    # Nothing of a picture follows in these, but they are not refused for their profile.
    assert reason(with_entry(profile, raw, 2_000_000)) is Reason.TRUNCATED_IMAGE
    assert reason(with_entry(270, text, 2_000_000)) is Reason.TRUNCATED_IMAGE


@pytest.mark.parametrize("begins_at", [None, 0, 20], ids=["beyond the picture", "nowhere", "in the picture"])
def test_a_tiff_s_exif_is_not_unpacked(begins_at, monkeypatch):
    data = tiff(t65000=7)  # where EXIF's directory begins, once it is called so
    entry = data.index(struct.pack("<HH", 65000, 3))
    at = len(data) if begins_at is None else begins_at
    data = data[:entry] + struct.pack("<HHLL", 34665, 4, 1, at) + data[entry + 12 :]
    opened_whole = Mock(side_effect=AssertionError)
    monkeypatch.setattr(Image.Exif, "get_ifd", opened_whole)
    assert decode(data + struct.pack("<HHHLLL", 1, 37500, 3, 2_000_000, 0, 0) + bytes(4_000_000))
    opened_whole.assert_not_called()


def test_jpegs_of_other_kinds_are_named():
    jpeg = STILL["jpeg"]()
    frame = jpeg.index(b"\xff\xc0")
    for at, value, name in ((frame + 1, 0xC3, "lossless"), (frame + 4, 12, "more than 8 bits")):
        error = refusal(jpeg[:at] + bytes([value]) + jpeg[at + 1 :])
        assert error.reason is Reason.UNSUPPORTED_FORMAT
        assert name in str(error)


SAMPLES = {kind: make() for kind, make in STILL.items()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(draw=st.data())
def test_damaged_bytes_give_a_photo_or_a_reason(kind, draw):
    data = bytearray(SAMPLES[kind])
    anywhere = st.one_of(st.integers(0, min(len(data), 200) - 1), st.integers(0, len(data) - 1))
    for position, value in draw.draw(st.lists(st.tuples(anywhere, st.integers(0, 255)), max_size=8)):
        data[position] = value
    if draw.draw(st.booleans()):
        del data[draw.draw(anywhere) :]
    try:
        photo = decode(bytes(data))
    except InvalidImageError:
        return
    assert isinstance(photo, Photo)
    assert photo.pixels.shape == (photo.height, photo.width, 3)


@settings(max_examples=100)
@given(
    magic=st.sampled_from([b"", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X", b"\0\0\0\x18ftypheic", b"MM\0*"]), rest=st.binary()
)
@pytest.mark.filterwarnings("ignore")
def test_any_bytes_get_a_reason(magic, rest):
    with pytest.raises(InvalidImageError):
        decode(magic + rest)
