"""Restoring from JPEGs: nearer than plain subtraction, and as near as the platform's copy of the original."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from services.evaluation.channels import CHANNELS, Channel
from services.evaluation.metrics import psnr_db
from services.imaging import codec, jpeg_copy, jpeg_file, perturb, pipeline
from services.imaging.photo import FileTraits, JpegTables, Layout, Photo
from services.imaging.receipt import Receipt, Tier
from services.imaging.resample import GRID_SIZE
from services.inference.embedded import EmbeddedBackend

REPOSITORY = Path(__file__).parents[2] / "triton_models"
LOSSLESS = FileTraits("image/png", 1, lossless=True)
#: None of these files was a JPEG, and none of their sides is whole blocks.
PHOTOS = {
    name: Photo(np.ascontiguousarray(pixels[:397, :411]), LOSSLESS)
    for name, pixels in {"astronaut": data.astronaut(), "coffee": data.coffee()}.items()
}
X = next(channel for channel in CHANNELS if channel.name == "X")


def code_for(photo: Photo) -> np.ndarray:
    """Random even cells at about 42 dB, as strong as the sealed tier's."""
    lower, upper = perturb.headroom(photo.pixels)
    shape = np.random.default_rng(0).normal(0, 3.0, (3, GRID_SIZE, GRID_SIZE))
    return (2 * np.rint(np.clip(shape, lower + 1, upper - 1) / 2)).astype(np.int8)


def as_jpeg(photo: Photo, quality: int | None = 90, subsampling: str = "4:4:4", **options: object) -> Photo:
    """A photo after a JPEG. Pillow scales tables that it is given by a quality, so those go with None."""
    settings = {"quality": quality, "subsampling": subsampling, **options}
    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(file, "JPEG", **{k: v for k, v in settings.items() if v is not None})
    return codec.decode(file.getvalue())


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_from_a_platform_s_copy_it_is_as_near_as_a_copy_of_the_original(name: str, channel: Channel) -> None:
    photo, code = PHOTOS[name], code_for(PHOTOS[name])
    copy = channel(perturb.add(photo.pixels, code))
    assert jpeg_copy.gains(copy, jpeg_copy.layout(photo))

    restored = psnr_db(photo.pixels, jpeg_copy.subtract(copy, code, jpeg_copy.layout(photo)))

    # A quantiser as fine as Bluesky's tells nearly all: there, nothing is lost, and on such photos nothing gained.
    assert restored > psnr_db(photo.pixels, perturb.subtract(copy.pixels, code)) - 0.05
    assert restored > psnr_db(photo.pixels, channel(photo.pixels).pixels) - 0.3


def with_numbers(copy: Photo, code: np.ndarray, layout: Layout) -> np.ndarray:
    assert copy.file is not None
    numbers = jpeg_file.numbers(copy.file)
    assert numbers is not None
    return jpeg_copy.subtract(copy, code, layout, numbers)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_a_file_s_own_numbers_bring_it_nearer_than_its_pixels(name: str, channel: Channel) -> None:
    photo, code, layout = PHOTOS[name], code_for(PHOTOS[name]), jpeg_copy.layout(PHOTOS[name])
    copy = channel(perturb.add(photo.pixels, code))

    restored = psnr_db(photo.pixels, with_numbers(copy, code, layout))

    assert restored > psnr_db(photo.pixels, jpeg_copy.subtract(copy, code, layout))
    assert restored > psnr_db(photo.pixels, channel(photo.pixels).pixels) - 0.1


@pytest.mark.parametrize("kind", ["4:4:4", "4:2:2", "4:2:0", "grey", "wide"])
def test_numbers_of_every_kind_and_place(kind: str) -> None:
    """At quality 98 rounding on the way from them to pixels is most of what a copy is off by."""
    pixels = PHOTOS["astronaut"].pixels
    if kind == "grey":
        pixels = np.repeat(pixels[..., 1:2], 3, axis=2)
    if kind == "wide":  # more than one tile, and none of its edges on a block's
        pixels = np.ascontiguousarray(
            np.concatenate([pixels[:151], pixels[100:251], pixels[200:351]], axis=1)[:, :1203]
        )
    photo = Photo(pixels, LOSSLESS)
    code, layout = code_for(photo), jpeg_copy.layout(photo)
    if kind == "grey":
        code = np.repeat(code[:1], 3, axis=0)

    def saved(seen: np.ndarray) -> Photo:
        if kind != "grey":
            return as_jpeg(Photo(seen, LOSSLESS), 98, "4:2:0" if kind == "wide" else kind)
        file = io.BytesIO()
        Image.fromarray(seen[..., 0]).save(file, "JPEG", quality=98)
        return codec.decode(file.getvalue())

    copy = saved(perturb.add(photo.pixels, code))
    restored = psnr_db(photo.pixels, with_numbers(copy, code, layout))

    assert restored > psnr_db(photo.pixels, jpeg_copy.subtract(copy, code, layout)) + 0.1
    assert restored > psnr_db(photo.pixels, saved(photo.pixels).pixels) - 0.1


def test_restoring_takes_the_numbers_where_the_file_shows_them() -> None:
    photo, code, layout = PHOTOS["coffee"], code_for(PHOTOS["coffee"]), jpeg_copy.layout(PHOTOS["coffee"])
    receipt = Receipt(Tier.SEALED, "refiner", "1", photo.sha256(), code, layout)
    copy = Channel("fine", quality=97)(perturb.add(photo.pixels, code))

    def restored(seen: Photo) -> np.ndarray:
        return asyncio.run(pipeline.restore(seen, receipt, EmbeddedBackend(REPOSITORY))).photo.pixels

    assert np.array_equal(restored(copy), with_numbers(copy, code, layout))
    # What the library refuses, or what lies on its side, is restored from its pixels.
    assert copy.file is not None
    turned = replace(copy.file, layout=replace(copy.file.layout, orientation=6))
    for file in (None, turned):
        assert np.array_equal(restored(replace(copy, file=file)), jpeg_copy.subtract(copy, code, layout))


def test_from_a_smaller_copy_too() -> None:
    photo, code = PHOTOS["astronaut"], code_for(PHOTOS["astronaut"])
    channel = Channel("small", quality=80, width=300)
    small = channel.shrink(photo.pixels)
    copy = channel(perturb.add(photo.pixels, code))

    restored = psnr_db(small, jpeg_copy.subtract(copy, code, jpeg_copy.layout(photo)))

    assert restored > psnr_db(small, perturb.subtract(copy.pixels, code))
    assert restored > psnr_db(small, channel(photo.pixels).pixels)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_the_original_s_own_steps_bring_it_nearer_still(subsampling: str) -> None:
    original = as_jpeg(PHOTOS["astronaut"], 75, subsampling)
    code, layout = code_for(original), jpeg_copy.layout(original)
    copy = as_jpeg(original.with_pixels(perturb.add(original.pixels, code)), 88, subsampling)
    assert jpeg_copy.gains(copy, layout)

    plain = psnr_db(original.pixels, perturb.subtract(copy.pixels, code))
    restored = psnr_db(original.pixels, jpeg_copy.subtract(copy, code, layout))

    assert restored > plain + 0.5
    assert restored > psnr_db(original.pixels, jpeg_copy.subtract(copy, code, replace(layout, jpeg_steps=())))


def edited(pixels: np.ndarray) -> np.ndarray:
    """A little sharper, as photo editors make it: on no steps any more."""
    return cv2.addWeighted(pixels, 1.6, cv2.GaussianBlur(pixels, (0, 0), 1.5), -0.6, 0.0)


def forwarded(pixels: np.ndarray) -> np.ndarray:
    """A copy of another quality."""
    return as_jpeg(Photo(pixels, LOSSLESS), 60, "4:2:0").pixels


@pytest.mark.parametrize("treat", [edited, forwarded])
@pytest.mark.parametrize("name", PHOTOS)
def test_an_original_s_steps_are_left_aside_where_a_copy_is_on_none_of_them(
    name: str, treat: Callable[[np.ndarray], np.ndarray]
) -> None:
    original = as_jpeg(PHOTOS[name], 75, "4:2:0")
    code, layout = code_for(original), jpeg_copy.layout(original)
    copy = as_jpeg(Photo(treat(perturb.add(original.pixels, code)), LOSSLESS), 92, "4:2:0")
    reference = treat(original.pixels)

    restored = jpeg_copy.subtract(copy, code, layout)

    assert np.array_equal(restored, jpeg_copy.subtract(copy, code, replace(layout, jpeg_steps=())))
    assert psnr_db(reference, restored) > psnr_db(reference, perturb.subtract(copy.pixels, code)) - 0.3


def test_blocks_that_are_clipped_or_cut_off_are_subtracted_plainly() -> None:
    original = as_jpeg(PHOTOS["astronaut"], 75, "4:2:0")
    white = original.pixels.copy()
    white[64:128, 64:128] = 255
    copy = as_jpeg(Photo(white, LOSSLESS), 95, "4:2:0")
    code = np.full((3, GRID_SIZE, GRID_SIZE), 2, np.int8)

    restored = jpeg_copy.subtract(copy, code, jpeg_copy.layout(original))

    plain = perturb.subtract(copy.pixels, code)
    inside = np.s_[80:112, 80:112]
    assert (copy.pixels[inside] == 255).all()
    assert np.array_equal(restored[inside], plain[inside])
    assert np.array_equal(restored[392:], plain[392:])
    assert np.array_equal(restored[:, 408:], plain[:, 408:])
    assert not np.array_equal(restored, plain)


def test_a_photo_is_whole_across_the_strips_it_is_worked_on_in(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, code = PHOTOS["coffee"], code_for(PHOTOS["coffee"])
    copy = X(perturb.add(photo.pixels, code))
    monkeypatch.setattr(jpeg_copy, "_TILE", 128)
    in_strips = jpeg_copy.subtract(copy, code, jpeg_copy.layout(photo))
    monkeypatch.setattr(jpeg_copy, "_STRIP", 512)
    monkeypatch.setattr(jpeg_copy, "_TILE", 512)
    at_once = jpeg_copy.subtract(copy, code, jpeg_copy.layout(photo))
    assert np.abs(in_strips.astype(int) - at_once).max() <= 2


def test_nothing_is_gained_on_what_is_no_jpeg_or_has_the_original_s_own_steps() -> None:
    original = as_jpeg(PHOTOS["coffee"], 90)
    layout = jpeg_copy.layout(original)
    assert not jpeg_copy.gains(PHOTOS["coffee"], layout)
    assert not jpeg_copy.gains(original, layout)
    assert jpeg_copy.gains(as_jpeg(PHOTOS["coffee"], 80), layout)
    assert jpeg_copy.gains(original, replace(layout, jpeg_steps=()))
    assert jpeg_copy.gains(original, replace(layout, width=layout.width + 1))


def test_a_grey_jpeg_is_restored_in_grey() -> None:
    pixels = np.repeat(cv2.cvtColor(PHOTOS["coffee"].pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    photo = Photo(pixels, LOSSLESS)
    code = code_for(photo)
    code[:] = code[:1]
    file = io.BytesIO()
    Image.fromarray(perturb.add(pixels, code)[..., 0]).save(file, "JPEG", quality=80)
    copy = codec.decode(file.getvalue())
    assert copy.traits.grey
    assert jpeg_copy.gains(copy, jpeg_copy.layout(photo))

    restored = jpeg_copy.subtract(copy, code, jpeg_copy.layout(photo))

    assert (restored == restored[..., :1]).all()
    assert psnr_db(pixels, restored) > psnr_db(pixels, perturb.subtract(copy.pixels, code))


def test_the_receipt_tells_the_original_s_steps() -> None:
    coffee = PHOTOS["coffee"]
    assert jpeg_copy.layout(coffee) == Layout(coffee.height, coffee.width)
    for subsampling, tables in (("4:4:4", 2), ("4:2:2", 1), ("4:2:0", 1)):
        original = as_jpeg(PHOTOS["coffee"], 90, subsampling)
        layout = jpeg_copy.layout(original)
        assert (layout.height, layout.width, len(layout.jpeg_steps)) == (original.height, original.width, tables)


#: Orientations of which the last column as stored comes first, or as the first row.
FROM_THE_RIGHT = (2, 3, 7, 8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_s_blocks_are_where_its_tables_say(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    steps = [10 + row + 3 * column for row in range(8) for column in range(8)]
    for width in (160, 163):  # whole blocks, and a last one that is cut off
        photo = Photo(PHOTOS["astronaut"].pixels[:208, :width], LOSSLESS)
        turned = as_jpeg(photo, quality=None, qtables=[steps], exif=exif)
        tables = turned.traits.jpeg
        assert tables is not None
        assert tables.known == (0 if width == 163 and orientation in FROM_THE_RIGHT else 3)
        if tables.known:
            assert off_the_grid(turned, tables) < 0.05


def test_of_a_turned_photo_with_half_the_colours_the_brightness_is_known() -> None:
    exif = Image.Exif()
    exif[274] = 6
    photo = Photo(PHOTOS["astronaut"].pixels[:208, :160], LOSSLESS)
    for subsampling, known in (("4:4:4", 3), ("4:2:2", 1), ("4:2:0", 3)):
        original = as_jpeg(photo, 90, subsampling, exif=exif)
        assert original.traits.jpeg is not None
        assert original.traits.jpeg.known == known
        assert jpeg_copy.layout(original).jpeg_steps[:1] == original.traits.jpeg.quantisation[:1]
        # The file that is returned is upright, and is the original's own.
        own = codec.decode(codec.encode(original).data)
        assert not jpeg_copy.gains(own, jpeg_copy.layout(original))


def off_the_grid(photo: Photo, tables: JpegTables) -> float:
    """How far the brightness's coefficients lie from whole numbers of steps, in steps, in the mean."""
    brightness = (photo.pixels @ np.array([0.299, 0.587, 0.114]) - 128.0).astype(np.float32)
    steps = np.array(tables.quantisation[0], float).reshape(8, 8)
    whole = brightness[: photo.height // 8 * 8, : photo.width // 8 * 8]
    blocks = whole.reshape(whole.shape[0] // 8, 8, -1, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
    found = np.stack([cv2.dct(np.ascontiguousarray(block)) for block in blocks]) / steps
    return float(np.abs(found - np.rint(found))[np.abs(found) > 0.5].mean())


def test_components_that_are_no_brightness_and_colours_are_left_alone() -> None:
    photo = as_jpeg(PHOTOS["coffee"], 90, keep_rgb=True)
    assert photo.traits.jpeg is not None
    assert photo.traits.jpeg.known == 0
    assert jpeg_copy.layout(photo) == Layout(photo.height, photo.width)
    assert not jpeg_copy.gains(photo, Layout(photo.height, photo.width))


@pytest.mark.parametrize("tier", Tier)
def test_the_pipeline_restores_a_platform_s_copy_this_way(tier: Tier) -> None:
    backend = EmbeddedBackend(REPOSITORY)
    original = as_jpeg(PHOTOS["astronaut"], 75)

    async def through() -> tuple[Receipt, Photo, pipeline.Restored]:
        receipt = await pipeline.find_code(original, tier, backend)
        protected = codec.decode(pipeline.write(original, receipt).file.data)
        return receipt, protected, await pipeline.restore(X(protected.pixels), receipt, backend)

    receipt, protected, copy = asyncio.run(through())

    assert receipt.original_layout == jpeg_copy.layout(original)
    assert copy.is_bit_exact is False
    clean = psnr_db(original.pixels, X(original.pixels).pixels)
    assert psnr_db(original.pixels, copy.photo.pixels) > clean - 0.3
    # What was written from the pixels, with the original's own steps, is restored by plain subtraction.
    meant = pipeline.written(original, receipt, carries=False)
    assert np.array_equal(meant, perturb.add(original.pixels, receipt.code))
    own = codec.decode(codec.encode(original.with_pixels(meant)).data)
    restored = asyncio.run(pipeline.restore(own, receipt, backend)).photo.pixels
    assert np.array_equal(restored, perturb.subtract(own.pixels, receipt.code))
    # The two files mean the same.
    assert psnr_db(protected.pixels, own.pixels) > psnr_db(protected.pixels, original.pixels)
