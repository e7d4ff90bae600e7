"""A code in a JPEG's own coefficients: what was there comes back bit for bit, and nothing else is in the file."""

from __future__ import annotations

import asyncio
import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage import data

from services.evaluation.channels import CHANNELS
from services.evaluation.metrics import psnr_db
from services.imaging import carried, codec, jpeg_code, jpeg_copy, jpeg_file, jpeg_steps, perturb, pipeline, presence
from services.imaging.codec import coefficients, segments
from services.imaging.photo import JpegFile, Photo
from services.imaging.receipt import Receipt, Tier
from services.imaging.resample import GRID_SIZE
from services.inference.embedded import EmbeddedBackend

REPOSITORY = Path(__file__).parents[2] / "triton_models"
PIXELS = np.ascontiguousarray(data.astronaut()[:397, :411])
ORIENTATION, DESCRIPTION = 274, 270
SECRET = "the owner's address"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def jpeg(pixels: np.ndarray = PIXELS, orientation: int = 1, mode: str = "RGB", **options: Any) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION], exif[DESCRIPTION] = orientation, SECRET
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, "JPEG", exif=exif, comment=SECRET, icc_profile=PROFILE, **options)
    return out.getvalue()


def file_of(photo: Photo) -> JpegFile:
    assert photo.file is not None
    return photo.file


def code_for(photo: Photo, seed: int = 0) -> np.ndarray:
    lower, upper = perturb.headroom(photo.pixels)
    levels = np.random.default_rng(seed).normal(0, 4.0, (3, GRID_SIZE, GRID_SIZE))
    if photo.traits.grey:  # as the networks do
        levels = levels[:1]
    return np.rint(np.clip(levels, lower, upper)).astype(np.int8)


def receipt_for(photo: Photo, tier: Tier = Tier.SEALED) -> Receipt:
    return Receipt(tier, "refiner", "1", photo.sha256(), code_for(photo), jpeg_copy.layout(photo))


def restored_file(written: pipeline.Written) -> bytes | None:
    """The original's JPEG, out of a protected one."""
    layout = written.receipt.original_layout
    assert layout is not None
    assert layout.moved_in is not None
    protected = codec.decode(written.file.data)
    return jpeg_file.subtract(
        file_of(protected), written.receipt.code, layout.moved_in.divided, protected.traits.icc_profile
    )


KINDS: dict[str, dict[str, Any]] = {
    **{f"turned {way}": {"quality": 88, "orientation": way, "subsampling": "4:2:2"} for way in range(1, 9)},
    "all colours": {"quality": 95, "subsampling": "4:4:4"},
    "half the colours": {"quality": 80, "subsampling": "4:2:0"},
    "coarse": {"quality": 30},
    "progressive": {"quality": 85, "progressive": True},
    "tuned": {"quality": 85, "optimize": True},
    "restarts": {"quality": 85, "restart_marker_rows": 1},
    "grey": {"quality": 85, "mode": "L"},
    "grey, turned": {"quality": 60, "mode": "L", "orientation": 6},
    "grey, progressive": {"quality": 85, "mode": "L", "progressive": True},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("choice", [0, -1], ids=["best steps", "own steps"])
def test_every_pixel_comes_back(kind: str, choice: int) -> None:
    original = codec.decode(jpeg(**KINDS[kind]))
    code = code_for(original)
    divisors = jpeg_steps.choices(file_of(original).layout, code)[choice]
    moved = jpeg_file.add(file_of(original), code, divisors, original.traits.icc_profile)
    assert moved is not None
    protected = codec.decode(moved)
    back = jpeg_file.subtract(file_of(protected), code, divisors, protected.traits.icc_profile)
    assert back is not None
    assert np.array_equal(codec.decode(back).pixels, original.pixels)
    # What was added is the code, as near as the quantiser's steps let it be: nearer than its being encoded.
    meant = perturb.add(original.pixels, code)
    encoded = codec.decode(codec.encode(original.with_pixels(meant)).data)
    assert psnr_db(meant, protected.pixels) > psnr_db(meant, encoded.pixels) - 0.5
    assert 0.7 < len(moved) / len(file_of(original).data) < (2.0 if divisors else 1.3)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (200, 250), (199, 201), (65, 321), (72, 40)])
def test_every_pixel_comes_back_whatever_the_sides(size: tuple[int, int], subsampling: str) -> None:
    height, width = size
    original = codec.decode(jpeg(PIXELS[:height, :width], quality=85, subsampling=subsampling))
    written = pipeline.write(original, receipt_for(original))
    assert written.restores
    back = restored_file(written)
    assert np.array_equal(codec.decode(back or b"").pixels, original.pixels)


@pytest.mark.parametrize("orientation", [1, 6])
def test_of_the_metadata_the_orientation_and_the_colour_profile_stay(orientation: int) -> None:
    original = codec.decode(jpeg(orientation=orientation))
    assert SECRET.encode() in file_of(original).data
    moved = jpeg_file.add(file_of(original), code_for(original), (), original.traits.icc_profile)
    assert moved is not None
    for file in (moved, jpeg_file.subtract(file_of(codec.decode(moved)), code_for(original), (), PROFILE)):
        assert file is not None
        assert SECRET.encode() not in file
        with Image.open(io.BytesIO(file)) as image:
            assert image.getexif().get(ORIENTATION, 1) == orientation
            assert dict(image.getexif()).keys() <= {ORIENTATION}
            assert image.info["icc_profile"] == PROFILE


def test_a_profile_of_several_segments_stays() -> None:
    profile = np.random.default_rng(0).bytes(150_000)
    moved = jpeg_file.add(file_of(codec.decode(jpeg())), np.zeros((3, 56, 56), np.int8), (), profile)
    with Image.open(io.BytesIO(moved or b"")) as image:
        assert image.info["icc_profile"] == profile


def test_the_whole_steps_are_the_same_on_every_machine_and_for_good() -> None:
    """Receipts of years ago restore by them: a change here locks photos up."""
    original = codec.decode(jpeg(quality=50, subsampling="4:2:0"))
    wave = jpeg_code.BlockWave(
        file_of(original).layout, np.random.default_rng(1).integers(-127, 128, (3, 56, 56), np.int8)
    )
    digest = hashlib.sha256()
    for component, (rows, columns) in enumerate(((50, 52), (25, 26), (25, 26))):
        for row in range(rows):
            blocks = np.zeros((columns, 64), np.int16)
            wave.add(component, row, blocks)
            digest.update(blocks.astype("<i2"))
    assert digest.hexdigest() == "d87771c4130c5fae72dc2dae0806e08c14c9bc951b7f21442544237abdf2485a"


@pytest.mark.parametrize("kind", ["all colours", "half the colours", "turned 3", "turned 6", "turned 7", "turned 8"])
def test_what_was_moved_is_known(kind: str) -> None:
    original = codec.decode(jpeg(**KINDS[kind]))
    code = code_for(original)
    protected = codec.decode(jpeg_file.add(file_of(original), code, (), None) or b"")
    brightness, *colours = jpeg_code.moves(file_of(original).layout, code)
    assert brightness.shape == original.pixels.shape[:2]
    assert colours[0].shape == colours[1].shape
    seen = (protected.pixels.astype(float) - original.pixels) @ [0.299, 0.587, 0.114]
    # Two roundings to 8 bits lie between; where a pixel was clipped, more.
    assert np.median(np.abs(seen - brightness)) < 0.5
    assert np.corrcoef(seen.ravel(), brightness.ravel().astype(float))[0, 1] > 0.95


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_means_of_blocks_are_those_of_what_was_moved(orientation: int) -> None:
    layout = file_of(codec.decode(jpeg(PIXELS[:320, :400], orientation=orientation, subsampling="4:2:0"))).layout
    code = np.random.default_rng(0).integers(-20, 21, (3, 56, 56), np.int8)
    for whole, means in zip(jpeg_code.moves(layout, code), jpeg_code.moves(layout, code, means=True), strict=True):
        blocks = whole.astype(float).reshape(whole.shape[0] // 8, 8, -1, 8).mean(axis=(1, 3))
        assert np.allclose(blocks, means, atol=0.1)


def test_a_receipt_is_told_from_another_s_by_what_was_moved() -> None:
    original = codec.decode(jpeg(quality=40, subsampling="4:2:0"))
    code, layout = code_for(original), file_of(original).layout
    moved = codec.decode(jpeg_file.add(file_of(original), code, (), None) or b"")
    copy = next(channel for channel in CHANNELS if channel.name == "Instagram")(moved.pixels)
    known, unknown = (presence.score(copy.pixels, code, moved_in) for moved_in in (layout, None))
    assert known > max(presence.THRESHOLD, unknown)
    assert presence.score(copy.pixels, code_for(original, seed=1), layout) <= presence.THRESHOLD


def test_a_receipt_is_told_by_what_a_copy_in_the_original_s_steps_could_keep() -> None:
    original = codec.decode(jpeg(quality=40, subsampling="4:2:0"))
    written = pipeline.write(original, receipt_for(original))
    layout = written.receipt.original_layout
    assert layout is not None
    assert layout.moved_in is not None
    assert layout.moved_in.divided
    again = codec.decode(codec.encode(original.with_pixels(codec.decode(written.file.data).pixels)).data)
    assert file_of(again).layout.tables == file_of(original).layout.tables
    whole = presence.score(again.pixels, written.receipt.code, layout.moved_in)
    in_finer_steps = presence.score(again.pixels, written.receipt.code, replace(layout.moved_in, divided=()))
    assert whole > in_finer_steps + 3
    restored = asyncio.run(pipeline.restore(again, written.receipt, EmbeddedBackend(REPOSITORY)))
    assert psnr_db(original.pixels, restored.photo.pixels) > psnr_db(original.pixels, again.pixels) + 6


@pytest.mark.parametrize("kind", ["coarse", "half the colours", "turned 6"])
def test_a_platform_s_copy_is_restored_by_what_was_moved(kind: str) -> None:
    original = codec.decode(jpeg(**KINDS[kind]))
    written = pipeline.write(original, receipt_for(original))
    layout = written.receipt.original_layout
    assert layout is not None
    assert layout.moved_in is not None
    assert layout.moved_in.undivided() == file_of(original).layout
    copy = next(channel for channel in CHANNELS if channel.name == "X")(codec.decode(written.file.data).pixels)
    told, untold = (
        jpeg_copy.subtract(copy, written.receipt.code, one) for one in (layout, replace(layout, moved_in=None))
    )
    assert psnr_db(original.pixels, told) > psnr_db(original.pixels, untold)


def test_a_file_that_would_grow_is_written_progressively() -> None:
    flat = np.full((400, 400, 3), 90, np.uint8)
    flat[:200] = 120
    original = codec.decode(jpeg(flat, quality=75, optimize=True, subsampling="4:2:0"))
    moved = jpeg_file.add(file_of(original), code_for(original), (), None)
    assert moved is not None
    protected = codec.decode(moved)
    assert file_of(protected).is_progressive
    back = jpeg_file.subtract(file_of(protected), code_for(original), (), None)
    assert np.array_equal(codec.decode(back or b"").pixels, original.pixels)


def test_what_is_no_brightness_and_two_colours_is_left_to_its_pixels() -> None:
    assert codec.decode(jpeg(mode="CMYK")).file is None
    assert codec.decode(jpeg(keep_rgb=True)).file is None
    photo = codec.decode(jpeg())
    assert photo.file is not None
    assert photo.with_pixels(photo.pixels).file is None


def test_a_file_that_does_not_restore_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a coefficient has left what the file's codes can say, which the library does not tell."""
    original = codec.decode(jpeg(quality=90))
    receipt = receipt_for(original)
    changed = coefficients.changed

    def spoilt(data: bytes, change: coefficients.Change, is_progressive: bool) -> bytes | None:
        def too_far(component: int, row: int, blocks: np.ndarray) -> None:
            change(component, row, blocks)
            if (component, row) == (0, 7):
                blocks[3, 1] = 30_000

        return changed(data, too_far, is_progressive)

    monkeypatch.setattr(coefficients, "changed", spoilt)
    assert jpeg_file.add(file_of(original), receipt.code, (), None) is None
    written = pipeline.write(original, receipt)
    assert not written.restores
    assert psnr_db(original.pixels, codec.decode(written.file.data).pixels) > 30


def test_scans_that_are_missing_are_not_promised() -> None:
    """Decoders smooth what a progressive file does not say; of one that says all, the same coefficients differ."""
    whole = jpeg(quality=90, progressive=True)
    scans = [at for at in range(len(whole) - 1) if whole[at : at + 2] == b"\xff\xc4"]
    for cut in scans[2::2]:
        original = codec.decode(whole[:cut] + b"\xff\xd9")
        receipt = receipt_for(original)
        written = pipeline.write(original, receipt)
        protected = codec.decode(written.file.data)
        restored = asyncio.run(pipeline.restore(protected, written.receipt, EmbeddedBackend(REPOSITORY)))
        assert written.restores == restored.is_bit_exact
    complete = codec.decode(whole)
    assert not file_of(complete).has_one_scan
    assert pipeline.write(complete, receipt_for(complete)).restores


def test_a_jpeg_that_carries_a_code_is_not_said_to_come_back_whole() -> None:
    original = codec.decode(jpeg(quality=90))
    protected = codec.decode(pipeline.write(original, receipt_for(original, Tier.ONE_PASS)).file.data)
    assert not pipeline.write(protected, receipt_for(protected)).restores


@pytest.mark.parametrize("quality", [30, 75])
def test_a_screenshot_is_restored_by_what_was_moved(quality: int) -> None:
    original = codec.decode(jpeg(quality=quality, subsampling="4:2:0"))
    written = pipeline.write(original, receipt_for(original))
    seen = codec.decode(written.file.data)
    screenshot = codec.decode(codec.encode(seen, "image/png").data)
    restored = asyncio.run(pipeline.restore(screenshot, written.receipt, EmbeddedBackend(REPOSITORY))).photo.pixels
    plainly = perturb.subtract(screenshot.pixels, written.receipt.code)
    assert psnr_db(original.pixels, restored) > psnr_db(original.pixels, plainly) + 10


def test_damaged_data_is_not_written() -> None:
    whole = file_of(codec.decode(jpeg())).data
    assert coefficients.read(whole, lambda *_: None)
    assert not coefficients.read(whole[: len(whole) // 2], lambda *_: None)
    assert coefficients.changed(whole[: len(whole) // 2], lambda *_: None, False) is None
    assert coefficients.changed(b"no JPEG", lambda *_: None, False) is None


def test_what_goes_wrong_in_a_change_is_raised() -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        coefficients.changed(jpeg(), fails, False)


def test_without_the_library_a_jpeg_is_written_from_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    original = codec.decode(jpeg())
    receipt = receipt_for(original)
    assert coefficients.is_available()
    monkeypatch.setattr(coefficients, "_library", lambda: None)
    assert not coefficients.is_available()
    written = pipeline.write(original, receipt)
    assert not written.restores
    assert written.file.mime_type == codec.JPEG
    restored = asyncio.run(pipeline.restore(codec.decode(written.file.data), receipt, EmbeddedBackend(REPOSITORY)))
    assert restored.is_bit_exact is False
    assert restored.file is None
    assert psnr_db(original.pixels, restored.photo.pixels) > 40


def test_colours_that_are_halved_in_height_alone_come_back() -> None:
    """As those of a JPEG halved in width, once it has been turned without loss."""
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440]
    original = codec.decode(cv2.imencode(".jpg", PIXELS[..., ::-1], sampling)[1].tobytes())
    assert file_of(original).layout.halved == (2, 1)
    written = pipeline.write(original, receipt_for(original))
    restored = asyncio.run(
        pipeline.restore(codec.decode(written.file.data), written.receipt, EmbeddedBackend(REPOSITORY))
    )
    assert restored.is_bit_exact


def test_a_grey_jpeg_stays_grey() -> None:
    original = codec.decode(jpeg(mode="L", quality=85))
    written = pipeline.write(original, receipt_for(original))
    protected = codec.decode(written.file.data)
    assert protected.traits.grey
    moves = list(jpeg_code.moves(file_of(original).layout, written.receipt.code))
    assert moves[0].any()
    assert not moves[1].any()
    assert presence.score(protected.pixels, written.receipt.code, file_of(original).layout) > presence.THRESHOLD
    copy = next(channel for channel in CHANNELS if channel.name == "X")(protected.pixels)
    back = asyncio.run(pipeline.restore(copy, written.receipt, EmbeddedBackend(REPOSITORY))).photo.pixels
    assert psnr_db(original.pixels, back) > psnr_db(original.pixels, copy.pixels) + 0.5


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("orientation", [1, 8])
def test_the_pipeline_restores_the_file_that_it_wrote(tier: Tier, orientation: int) -> None:
    original = codec.decode(jpeg(orientation=orientation, quality=90))
    receipt = receipt_for(original, tier)
    written = pipeline.write(original, receipt)
    assert written.restores
    protected = codec.decode(written.file.data)
    restored = asyncio.run(pipeline.restore(protected, written.receipt, EmbeddedBackend(REPOSITORY)))
    assert restored.is_bit_exact
    assert restored.file is not None
    for pixels in (restored.photo.pixels, codec.decode(restored.file.data).pixels):
        assert np.array_equal(pixels, original.pixels)


@pytest.mark.parametrize(("before", "after"), [(1, 6), (8, 1)])
def test_a_file_that_was_turned_by_its_exif_alone_comes_back(before: int, after: int) -> None:
    original = codec.decode(jpeg(orientation=before, quality=90))
    written = pipeline.write(original, receipt_for(original, Tier.SEALED))
    bare = coefficients.changed(written.file.data, lambda *_: None, False)
    assert bare is not None
    turned = codec.decode(segments.inserted(bare, after, None, b""))
    assert file_of(turned).layout.orientation == after
    restored = asyncio.run(pipeline.restore(turned, written.receipt, EmbeddedBackend(REPOSITORY)))
    assert restored.is_bit_exact
    assert np.array_equal(restored.photo.pixels, original.pixels)


def test_a_one_pass_jpeg_restores_alone_until_a_platform_rewrites_it() -> None:
    backend = EmbeddedBackend(REPOSITORY)
    original = codec.decode(jpeg(quality=90))
    protected = codec.decode(pipeline.write(original, receipt_for(original, Tier.ONE_PASS)).file.data)
    found = carried.unpack(file_of(protected).carried)
    assert found is not None
    assert np.array_equal(found.code, code_for(original))
    assert found.original_sha256 == original.sha256()
    alone = asyncio.run(pipeline.restore(protected, None, backend))
    assert (alone.tier, alone.is_bit_exact) == (Tier.ONE_PASS, True)
    assert np.array_equal(alone.photo.pixels, original.pixels)
    copy = next(channel for channel in CHANNELS if channel.name == "Facebook")(protected.pixels)
    assert asyncio.run(pipeline.restore(copy, None, backend)).is_bit_exact is None


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_coarse_one_pass_jpeg_restores_alone(mode: str) -> None:
    original = codec.decode(jpeg(quality=50, mode=mode))
    written = pipeline.write(original, receipt_for(original, Tier.ONE_PASS))
    assert written.receipt.original_layout is not None
    assert written.receipt.original_layout.moved_in is not None
    assert written.receipt.original_layout.moved_in.divided
    protected = codec.decode(written.file.data)
    restored = asyncio.run(pipeline.restore(protected, None, EmbeddedBackend(REPOSITORY)))
    assert restored.is_bit_exact
    assert np.array_equal(restored.photo.pixels, original.pixels)


def test_a_sealed_jpeg_carries_nothing() -> None:
    original = codec.decode(jpeg(quality=90))
    assert file_of(codec.decode(pipeline.write(original, receipt_for(original)).file.data)).carried == b""


def test_what_a_file_claims_to_carry_is_checked() -> None:
    original = codec.decode(jpeg(quality=90))
    receipt = receipt_for(original, Tier.ONE_PASS)
    divided = ((2,) * 64, (200,) * 64, (1,) * 64)
    claims = [carried.pack(code_for(original, 1), receipt.original_sha256), b"nonsense"]
    claims += [carried.pack(receipt.code, receipt.original_sha256, divided[:tables]) for tables in (1, 2, 3)]
    for claimed in claims:
        data = jpeg_file.add(file_of(original), receipt.code, (), None, claimed)
        restored = asyncio.run(pipeline.restore(codec.decode(data or b""), None, EmbeddedBackend(REPOSITORY)))
        assert restored.is_bit_exact is None


def test_an_edited_file_is_restored_from_its_pixels() -> None:
    original = codec.decode(jpeg(quality=90))
    receipt = receipt_for(original)

    def brighten(component: int, row: int, blocks: np.ndarray) -> None:
        if component == 0 and row < 10:
            blocks[:5, 0] += 2

    protected = pipeline.write(original, receipt).file.data
    edited = codec.decode(coefficients.changed(protected, brighten, False) or b"")
    restored = asyncio.run(pipeline.restore(edited, receipt, EmbeddedBackend(REPOSITORY)))
    assert restored.is_bit_exact is False
    assert restored.file is None
    assert psnr_db(original.pixels, restored.photo.pixels) > 35
