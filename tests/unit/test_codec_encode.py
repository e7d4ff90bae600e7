"""Encoding: the same kind of file comes back, no larger than it should be, and nothing of the person with it."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from codec_files import (
    GREY_ICC,
    IPTC,
    SECRETS,
    SRGB_ICC,
    SWAPPED_ICC,
    XMP,
    exif,
    jpeg_with_segment,
    noise,
    picture,
    png_chunk,
    save,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from skimage import data as sample_photos

from services.errors import InvalidRequestError, Reason
from services.imaging.codec import EXTENSIONS, MIME_TYPES, decode, encode, is_lossless
from services.imaging.photo import FileTraits, Photo

LOSSLESS = ("image/png", "image/bmp", "image/tiff", "image/webp")
HOLD_ALPHA = ("image/png", "image/tiff", "image/webp", "image/heic")


def jpeg_with_all_metadata():
    jpeg = save(
        picture(), "JPEG", exif=exif(), xmp=XMP, comment=b"GPSSECRET comment", icc_profile=SWAPPED_ICC, quality=92
    )
    return jpeg_with_segment(jpeg, 0xED, IPTC) + b"TRAILING picture"


def png_with_all_metadata():
    info = PngInfo()
    info.add_text("Author", "GPSSECRET")
    info.add_text("Comment", "GPSSECRET" * 9, zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    data = save(picture(), "PNG", pnginfo=info, exif=exif(), icc_profile=SWAPPED_ICC)
    end = data.index(b"IEND") - 4  # some writers put text last
    return data[:end] + png_chunk(b"tEXt", b"Place\0GPSSECRET") + data[end:] + b"TRAILING bytes"


def mpo():
    second = Image.fromarray(255 - picture())
    data = save(picture(), "MPO", save_all=True, append_images=[second], exif=exif(), icc_profile=SWAPPED_ICC)
    return data + b"TRAILING"


WITH_METADATA = {
    "jpeg": jpeg_with_all_metadata,
    "mpo": mpo,
    "png": png_with_all_metadata,
    "webp": lambda: save(picture(), "WEBP", exif=exif(), xmp=XMP, icc_profile=SWAPPED_ICC, quality=95),
    "lossless webp": lambda: save(picture(), "WEBP", exif=exif(), xmp=XMP, icc_profile=SWAPPED_ICC, lossless=True),
    "tiff": lambda: save(
        picture(),
        "TIFF",
        exif=exif(),
        icc_profile=SWAPPED_ICC,
        tiffinfo={270: "GPSSECRET", 315: "GPSSECRET", 700: XMP, 33723: b"GPSSECRET", 34377: b"8BIM\x04\x04" + IPTC},
    ),
    "bmp": lambda: save(picture(), "BMP") + b"TRAILING",
    "heic": lambda: save(picture(96, 128), "HEIC", exif=exif(), xmp=XMP, icc_profile=SWAPPED_ICC, thumbnails=[32]),
}


@pytest.mark.parametrize("mime_type", MIME_TYPES)
@pytest.mark.parametrize("kind", WITH_METADATA)
def test_metadata_never_survives_and_the_profile_does(kind, mime_type):
    source = WITH_METADATA[kind]()
    assert any(secret in source for secret in SECRETS)
    encoded = encode(decode(source), mime_type)
    assert encoded.mime_type == mime_type
    assert [secret for secret in SECRETS if secret in encoded.data] == []
    profile = decode(encoded.data).traits.icc_profile
    assert profile == (None if "bmp" in (kind, mime_type.removeprefix("image/")) else SWAPPED_ICC)
    if mime_type != "image/heic":
        with Image.open(io.BytesIO(encoded.data)) as image:
            image.load()
            told = set(image.info)
            assert not image.getexif() or mime_type == "image/tiff"  # a TIFF is made of tags
        assert told <= {
            "icc_profile", "jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "compression", "loop",
            "background", "timestamp", "duration", "resolution",
        }  # fmt: skip


def test_heic_holds_one_picture_and_no_items_beside_it():
    encoded = encode(decode(WITH_METADATA["heic"]()))
    assert encoded.data.count(b"infe") == 1
    assert b"Exif" not in encoded.data
    assert b"mime" not in encoded.data


@pytest.mark.parametrize("kind", WITH_METADATA)
def test_the_format_that_came_in_goes_out(kind):
    photo = decode(WITH_METADATA[kind]())
    encoded = encode(photo)
    again = decode(encoded.data)
    assert encoded.mime_type == photo.traits.mime_type == again.traits.mime_type
    assert again.traits.lossless is encoded.lossless is photo.traits.lossless is is_lossless(photo)
    assert np.array_equal(again.pixels, photo.pixels) or not encoded.lossless


@st.composite
def photos(draw):
    height, width = draw(st.integers(32, 90)), draw(st.integers(32, 90))
    grey, transparent = draw(st.booleans()), draw(st.booleans())
    samples = noise(height, width, 4, seed=draw(st.integers(0, 1000)))
    samples[: height // 3, :, 3] = 0
    pixels = np.repeat(samples[..., :1], 3, axis=2) if grey else samples[..., :3].copy()
    profile = draw(st.sampled_from([None, GREY_ICC if grey else SRGB_ICC]))
    traits = FileTraits("image/png", 1000, lossless=True, grey=grey, icc_profile=profile)
    return Photo(pixels, traits, samples[..., 3].copy() if transparent else None)


@settings(max_examples=60)
@given(photo=photos(), mime_type=st.sampled_from(LOSSLESS))
def test_lossless_formats_give_every_value_back(photo, mime_type):
    if photo.alpha is not None and mime_type not in HOLD_ALPHA:
        photo = replace(photo, alpha=None)
    encoded = encode(photo, mime_type)
    assert encoded.lossless is is_lossless(photo, mime_type) is True
    again = decode(encoded.data)
    assert np.array_equal(again.pixels, photo.pixels)
    if photo.alpha is None:
        assert again.alpha is None
    else:
        assert np.array_equal(again.alpha, photo.alpha)
    assert again.traits.lossless
    assert again.traits.grey is (photo.traits.grey and mime_type != "image/webp")
    if photo.traits.grey is again.traits.grey and mime_type != "image/bmp":
        assert again.traits.icc_profile == photo.traits.icc_profile


@settings(max_examples=15)
@given(photo=photos(), mime_type=st.sampled_from(["image/jpeg", "image/heic"]))
def test_lossy_formats_take_any_size_and_keep_grey_grey(photo, mime_type):
    if mime_type not in HOLD_ALPHA:
        photo = replace(photo, alpha=None)
    encoded = encode(photo, mime_type)
    assert encoded.lossless is is_lossless(photo, mime_type) is False
    again = decode(encoded.data)
    assert again.pixels.shape == photo.pixels.shape
    assert (again.alpha is None) == (photo.alpha is None)
    if photo.traits.grey:
        assert (again.pixels == again.pixels[..., :1]).all()
        assert np.abs(again.pixels.astype(int) - photo.pixels).max() < 60
    if photo.alpha is not None:
        assert np.abs(again.alpha.astype(int) - photo.alpha).mean() < 2


def test_a_grey_photo_that_was_coloured_keeps_its_colours():
    photo = decode(save(noise(40, 50, 1)[..., 0], "PNG", icc_profile=GREY_ICC))
    coloured = photo.with_pixels(noise(40, 50, 3))
    again = decode(encode(coloured).data)
    assert np.array_equal(again.pixels, coloured.pixels)
    assert again.traits.icc_profile is None


def test_webp_of_a_lossy_photo_is_lossy():
    for source, lossless in (("JPEG", False), ("PNG", True)):
        photo = decode(save(picture(), source))
        assert encode(photo, "image/webp").lossless is is_lossless(photo, "image/webp") is lossless


def photograph():
    return sample_photos.astronaut()[:256, :320]


def moved(pixels):
    """As protection moves them: a few levels, in cells."""
    cells = np.random.default_rng(0).integers(-4, 5, (9, 11, 3)).repeat(32, axis=0).repeat(32, axis=1)
    return np.clip(pixels + cells[: pixels.shape[0], : pixels.shape[1]], 0, 255).astype(np.uint8)


SOURCES = [
    *[("JPEG", {"quality": q, "subsampling": s}) for q in (40, 75, 90, 98) for s in ("4:4:4", "4:2:0")],
    ("JPEG", {"quality": 85, "optimize": True, "progressive": True}),
    ("WEBP", {"quality": 60}),
    ("WEBP", {"quality": 90}),
    ("HEIC", {"quality": 50}),
    ("HEIC", {"quality": 80}),
]


@pytest.mark.parametrize(("file_format", "options"), SOURCES)
def test_a_lossy_file_stays_within_its_measure(file_format, options):
    source = save(photograph(), file_format, **options)
    photo = decode(source)
    changed = photo.with_pixels(moved(photo.pixels))
    encoded = encode(changed)
    assert len(encoded.data) <= 1.3 * len(source)
    error = decode(encoded.data).pixels.astype(float) - changed.pixels
    assert 10 * np.log10(255**2 / (error**2).mean()) > 29


def test_a_jpeg_is_written_with_its_own_tables():
    photo = decode(save(photograph(), "JPEG", quality=88, subsampling="4:2:2"))
    assert decode(encode(photo).data).traits.jpeg == photo.traits.jpeg
    error = decode(encode(photo).data).pixels.astype(float) - photo.pixels
    assert (error**2).mean() < 2


def test_a_jpeg_that_must_shrink_becomes_coarser_but_not_without_end():
    photo = decode(save(photograph(), "JPEG", quality=90))
    fits = encode(replace(photo, traits=replace(photo.traits, size_bytes=int(photo.traits.size_bytes * 0.65))))
    assert len(fits.data) <= 1.3 * 0.65 * photo.traits.size_bytes
    floor = encode(replace(photo, traits=replace(photo.traits, size_bytes=100)))
    coarsest = [min(255, round(2.0 * step)) for step in photo.traits.jpeg.quantisation[0]]
    assert list(decode(floor.data).traits.jpeg.quantisation[0]) == coarsest


def test_noise_at_the_finest_tables_is_written():
    data = save(noise(400, 400, 3), "JPEG", qtables=[[1] * 64], subsampling="4:4:4")
    photo = decode(data)
    encoded = encode(replace(photo, traits=replace(photo.traits, size_bytes=len(data) // 2)))
    assert decode(encoded.data).width == 400


def test_from_another_format_a_jpeg_is_fine_and_keeps_full_colour_resolution():
    encoded = encode(decode(save(photograph(), "PNG")), "image/jpeg")
    assert decode(encoded.data).traits.jpeg.subsampling == 0
    error = decode(encoded.data).pixels.astype(float) - photograph()
    assert 10 * np.log10(255**2 / (error**2).mean()) > 38


@pytest.mark.parametrize("mime_type", ["image/gif", "image/jpg", "jpeg", "image/avif", "text/html"])
def test_an_unknown_output_is_refused(mime_type):
    with pytest.raises(InvalidRequestError, match="image/png") as refusal:
        encode(decode(save(picture(), "PNG")), mime_type)
    assert refusal.value.reason is Reason.UNSUPPORTED_OUTPUT
    assert refusal.value.field == "options.mime_type"


@pytest.mark.parametrize("mime_type", ["image/jpeg", "image/bmp"])
def test_transparency_is_never_dropped_silently(mime_type):
    samples = noise(40, 50, 4)
    with pytest.raises(InvalidRequestError, match=r"transparency.*image/png") as refusal:
        encode(decode(save(samples, "PNG")), mime_type)
    assert refusal.value.reason is Reason.UNSUPPORTED_OUTPUT
    samples[..., 3] = 255
    assert decode(encode(decode(save(samples, "PNG")), mime_type).data).alpha is None


def test_a_photo_too_long_for_a_format_is_refused_with_a_way_out():
    photo = decode(save(np.zeros((32, 17_000, 3), np.uint8), "PNG"))
    with pytest.raises(InvalidRequestError, match="image/png") as refusal:
        encode(photo, "image/webp")
    assert refusal.value.reason is Reason.UNSUPPORTED_OUTPUT
    assert np.array_equal(decode(encode(photo).data).pixels, photo.pixels)


def test_each_type_has_an_extension():
    assert tuple(EXTENSIONS) == MIME_TYPES
    assert all(extension.startswith(".") for extension in EXTENSIONS.values())
