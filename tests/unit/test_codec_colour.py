"""Decoding: whatever the pixel layout, the photo looks the same."""

from __future__ import annotations

import io
import struct
from unittest import mock

import cv2
import numpy as np
import pillow_heif
import pytest
from codec_files import (
    GREY_ICC,
    SRGB_ICC,
    SWAPPED_ICC,
    assert_close,
    assert_grey,
    cmyk_icc,
    noise,
    picture,
    png,
    png_chunk,
    save,
)
from PIL import Image, ImageCms

from services.imaging.codec import decode


@pytest.mark.parametrize(("depth", "scale"), [(1, 255), (2, 85), (4, 17), (8, 1)])
def test_grey_png_of_each_depth_and_its_transparent_level(depth, scale):
    level = noise(40, 50, 1)[..., 0] >> (8 - depth)
    assert_grey(decode(png(level, depth, 0)), level * scale)
    key = png_chunk(b"tRNS", struct.pack(">H", 1))
    photo = decode(png(level, depth, 0, key))
    assert_grey(photo, level * scale)
    assert np.array_equal(photo.alpha, np.where(level == 1, 0, 255))


def test_16_bits_become_the_high_byte():
    wide = np.random.default_rng(0).integers(0, 65536, (40, 50, 4), dtype=np.uint16)
    high = (wide >> 8).astype(np.uint8)
    assert_grey(decode(png(wide[..., 0], 16, 0)), high[..., 0])
    assert np.array_equal(decode(png(wide[..., :3], 16, 2)).pixels, high[..., :3])
    photo = decode(png(wide, 16, 6))
    assert np.array_equal(photo.pixels, high[..., :3])
    assert np.array_equal(photo.alpha, high[..., 3])
    photo = decode(png(wide[..., :2], 16, 4))
    assert_grey(photo, high[..., 0])
    assert np.array_equal(photo.alpha, high[..., 1])


def wide_files():
    """Files of more than 8 bits a sample, by what they are."""
    wide = np.random.default_rng(0).integers(0, 65536, (40, 50, 4), dtype=np.uint16)
    files = {f"PNG of colour type {kind}": (png(wide[..., :n].squeeze(), 16, kind), 16) for kind, n in COLOUR_TYPES}
    for name, samples in (("grey", wide[..., 0]), ("colour", wide[..., :3])):
        files[f"TIFF, {name}"] = cv2.imencode(".tiff", samples)[1].tobytes(), 16
    for bits in (10, 12):
        with mock.patch.object(pillow_heif.options, "SAVE_HDR_TO_12_BIT", bits == 12):
            photo = pillow_heif.from_bytes(mode="RGB;16", size=(50, 40), data=wide[..., :3].tobytes())
            file = io.BytesIO()
            photo.save(file)
            files[f"HEIC of {bits} bits"] = file.getvalue(), bits
    return files


COLOUR_TYPES = ((0, 1), (2, 3), (4, 2), (6, 4))


@pytest.mark.parametrize(("data", "bits"), wide_files().values(), ids=wide_files())
def test_a_file_of_more_than_8_bits_says_so(data, bits):
    assert decode(data).traits.bits == bits


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "HEIC"])
def test_other_files_have_8_bits(file_format):
    assert decode(save(noise(40, 50, 3), file_format)).traits.bits == 8
    assert decode(png(noise(40, 50, 1)[..., 0] >> 6, 2, 0)).traits.bits == 8


def test_16_bit_png_with_a_transparent_value():
    wide = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    key = struct.pack(">H", wide[3, 4, 0])
    photo = decode(png(wide[..., 0], 16, 0, png_chunk(b"tRNS", key)))
    assert np.array_equal(photo.alpha, np.where(wide[..., 0] == wide[3, 4, 0], 0, 255))
    photo = decode(png(wide, 16, 2, png_chunk(b"tRNS", struct.pack(">3H", *wide[3, 4]))))
    assert photo.alpha[3, 4] == 0
    assert photo.alpha.mean() > 250
    assert np.array_equal(photo.pixels, wide >> 8)


@pytest.mark.parametrize("compression", [1, 5, 8])
def test_16_bit_tiff(compression):
    wide = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression]
    colour = cv2.imencode(".tiff", wide[..., ::-1], options)[1].tobytes()
    assert np.array_equal(decode(colour).pixels, wide >> 8)
    grey = cv2.imencode(".tiff", wide[..., 0], options)[1].tobytes()
    assert_grey(decode(grey), wide[..., 0] >> 8)


@pytest.mark.parametrize("compression", [None, "tiff_deflate"])
def test_16_bit_tiff_of_either_byte_order_and_polarity(compression):
    wide = np.random.default_rng(0).integers(0, 65536, (40, 50), dtype=np.uint16)
    for order in ("<u2", ">u2"):
        data = save(Image.fromarray(wide.astype(order)), "TIFF", compression=compression)
        assert_grey(decode(data), wide >> 8)
    data = save(Image.fromarray(wide), "TIFF", compression=compression, tiffinfo={262: 0})
    assert_grey(decode(data), 255 - (wide >> 8))


def test_12_bit_tiff():
    level = np.random.default_rng(0).integers(0, 4096, (40, 50), dtype=np.uint16)
    bits = level[..., None] >> np.arange(11, -1, -1) & 1
    strip = np.packbits(bits.astype(np.uint8).reshape(40, -1), axis=1).tobytes()
    tags = {256: 50, 257: 40, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 40, 279: len(strip)}
    entries = b"".join(
        struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, value) for tag, value in tags.items()
    )
    directory = struct.pack("<H", len(tags)) + entries + b"\0" * 4
    assert_grey(decode(b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory), level >> 4)


def test_grey_modes():
    level = noise(40, 50, 1)[..., 0]
    for file_format in ("PNG", "BMP", "TIFF"):
        assert_grey(decode(save(level, file_format)), level)
        bits = Image.fromarray((level > 100).astype(np.uint8) * 255).convert("1", dither=Image.Dither.NONE)
        assert_grey(decode(save(bits, file_format)), np.where(level > 100, 255, 0))
    for file_format in ("JPEG", "HEIC"):
        photo = decode(save(picture()[..., 0], file_format, quality=95))
        assert photo.traits.grey
        assert_close(photo.pixels, picture()[..., :1].repeat(3, axis=2), 6)


def test_grey_with_alpha():
    samples = noise(40, 50, 2)
    for file_format in ("PNG", "TIFF"):
        photo = decode(save(Image.fromarray(samples, "LA"), file_format))
        assert_grey(photo, samples[..., 0])
        assert np.array_equal(photo.alpha, samples[..., 1])


def test_alpha_is_kept_with_the_colours_beneath_it():
    samples = noise(40, 50, 4)
    samples[:20, :, 3] = 0
    for file_format, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})):
        photo = decode(save(samples, file_format, **options))
        assert np.array_equal(photo.pixels, samples[..., :3])
        assert np.array_equal(photo.alpha, samples[..., 3])


@pytest.mark.parametrize("alphas", [[0, 128, 255, 7], [255, 0, 255, 255]])
def test_palette_with_transparency(alphas):
    indices = noise(40, 50, 1)[..., 0] % 4
    palette = noise(1, 4, 3)[0]
    chunks = png_chunk(b"PLTE", palette.tobytes()), png_chunk(b"tRNS", bytes(alphas))
    photo = decode(png(indices, 8, 3, *chunks))
    assert np.array_equal(photo.pixels, palette[indices])
    assert np.array_equal(photo.alpha, np.array(alphas)[indices])
    photo = decode(png(indices, 2, 3, chunks[0]))
    assert np.array_equal(photo.pixels, palette[indices])
    assert photo.alpha is None


def test_colour_key():
    samples = noise(40, 50, 3)
    photo = decode(png(samples, 8, 2, png_chunk(b"tRNS", struct.pack(">3H", *samples[5, 6]))))
    assert np.array_equal(photo.pixels, samples)
    assert np.array_equal(photo.alpha, np.where((samples == samples[5, 6]).all(axis=2), 0, 255))


def test_text_cannot_pose_as_transparency_or_profile():
    text = png_chunk(b"tEXt", b"icc_profile\0" + SRGB_ICC[:200])
    photo = decode(png(picture(), 8, 2, text, png_chunk(b"tEXt", b"transparency\0\x01")))
    assert photo.traits.icc_profile is None
    assert photo.alpha is None


def test_bmp_with_alpha_in_its_bit_fields():
    samples = noise(40, 50, 4)
    body = samples[::-1, :, [2, 1, 0, 3]].tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 50, 40, 1, 32, 3, len(body), 0, 0, 0, 0) + masks
    header = header.ljust(108, b"\0")
    photo = decode(b"BM" + struct.pack("<IHHI", 122 + len(body), 0, 0, 122) + header + body)
    assert np.array_equal(photo.pixels, samples[..., :3])
    assert np.array_equal(photo.alpha, samples[..., 3])


def test_cmyk_without_profile_looks_as_another_decoder_shows_it():
    inks = Image.fromarray(np.concatenate((picture(), picture(seed=1)[..., :1] // 4), axis=2), "CMYK")
    data = save(inks, "JPEG", quality=95)
    assert b"Adobe" in data  # so the inks are stored inverted
    photo = decode(data)
    assert_close(photo.pixels, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1], 3)
    assert photo.traits.jpeg is None
    c, m, y, k = (np.asarray(inks)[..., i].astype(float) for i in range(4))
    plain = np.stack([(255 - ink) * (255 - k) / 255 for ink in (c, m, y)], axis=2)
    assert_close(decode(save(inks, "TIFF")).pixels, plain, 2)


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_goes_through_its_profile_which_then_goes(file_format):
    inks = np.zeros((40, 50, 4), np.uint8)
    inks[:, 25:, 0] = 255
    photo = decode(save(Image.fromarray(inks, "CMYK"), file_format, icc_profile=cmyk_icc()))
    white, cyan = photo.pixels[20, 5], photo.pixels[20, 45]
    assert white.min() > 245
    assert int(cyan[0]) - int(cyan[1]) > 80  # red, by this profile; the plain formula has (0, 255, 255)
    assert photo.traits.icc_profile is None


def test_cmyk_with_a_profile_that_does_not_fit_falls_back():
    inks = Image.fromarray(np.zeros((40, 50, 4), np.uint8), "CMYK")
    for profile in (SRGB_ICC, b"garbage" * 40):
        photo = decode(save(inks, "TIFF", icc_profile=profile))
        assert photo.pixels.min() == 255
        assert photo.traits.icc_profile is None


def test_lab_is_converted():
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(Image.fromarray(picture()), to_lab)
    assert_close(decode(save(lab, "TIFF")).pixels, picture(), 6)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP", "JPEG", "HEIC"])
def test_profile_is_kept_where_it_matches(file_format):
    assert decode(save(picture(), file_format, icc_profile=SWAPPED_ICC)).traits.icc_profile == SWAPPED_ICC
    assert decode(save(picture(), file_format, icc_profile=GREY_ICC)).traits.icc_profile is None
    if file_format != "WEBP":  # which has no grey
        grey = picture()[..., 0]
        assert decode(save(grey, file_format, icc_profile=GREY_ICC)).traits.icc_profile == GREY_ICC
        assert decode(save(grey, file_format, icc_profile=SRGB_ICC)).traits.icc_profile is None
