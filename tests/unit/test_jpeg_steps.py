"""A JPEG's steps, divided for a code: what was there is said exactly, and hardly anything of the code is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.evaluation.metrics import psnr_db
from services.imaging import codec, jpeg_file, jpeg_steps, perturb, pipeline
from services.imaging.codec import coefficients, segments
from services.imaging.photo import JpegLayout
from services.inference.embedded import EmbeddedBackend
from tests.unit.test_jpeg_file import REPOSITORY, code_for, file_of, jpeg, receipt_for, restored_file

NO_CODE = np.zeros((3, 56, 56), np.int8)
COARSE: dict[str, dict[str, Any]] = {
    "halved": {"quality": 60, "subsampling": "4:2:0"},
    "whole": {"quality": 60, "subsampling": "4:4:4"},
    "coarsest": {"quality": 5, "subsampling": "4:2:0"},
    "turned": {"quality": 60, "subsampling": "4:2:2", "orientation": 6},
    "grey": {"quality": 30, "mode": "L"},
    "progressive": {"quality": 60, "progressive": True},
    "one table": {"qtables": [list(range(16, 80))]},
}


@pytest.mark.parametrize("kind", COARSE)
def test_divided_steps_say_the_same_picture(kind: str) -> None:
    """In every pixel, without a code."""
    original = codec.decode(jpeg(**COARSE[kind]))
    layout = file_of(original).layout
    divisors = jpeg_steps.choices(layout, code_for(original))[0]
    assert max(map(max, divisors)) > 1
    finer = codec.decode(jpeg_file.add(file_of(original), NO_CODE, divisors, None) or b"")
    divided = layout.divided_by(divisors)
    assert file_of(finer).layout == replace(divided, divided=()) != layout
    assert divided.undivided() == layout
    assert np.array_equal(finer.pixels, original.pixels)


@pytest.mark.parametrize("kind", COARSE)
def test_what_is_written_holds_nearly_all_of_the_code_and_restores(kind: str) -> None:
    original = codec.decode(jpeg(**COARSE[kind]))
    receipt = receipt_for(original)
    written = pipeline.write(original, receipt)
    layout = written.receipt.original_layout
    assert layout is not None
    assert layout.moved_in is not None
    assert layout.moved_in.divided
    assert layout.moved_in.undivided() == file_of(original).layout
    meant = perturb.add(original.pixels, receipt.code)
    with_own_steps = jpeg_file.add(file_of(original), receipt.code, (), None) or b""
    # What is missing of the code, in the file and in one whose steps are the original's.
    missing, as_before = (psnr_db(meant, codec.decode(data).pixels) for data in (written.file.data, with_own_steps))
    assert missing > as_before + 1
    assert np.array_equal(codec.decode(restored_file(written) or b"").pixels, original.pixels)
    protected = codec.decode(written.file.data)
    restored = asyncio.run(pipeline.restore(protected, written.receipt, EmbeddedBackend(REPOSITORY)))
    assert restored.is_bit_exact
    assert restored.file is not None
    assert file_of(codec.decode(restored.file.data)).layout == file_of(original).layout


def test_steps_that_lose_little_stay() -> None:
    original = codec.decode(jpeg(quality=97, subsampling="4:4:4"))
    assert jpeg_steps.choices(file_of(original).layout, code_for(original)) == [()]
    coarse = codec.decode(jpeg(quality=60))
    assert jpeg_steps.choices(file_of(coarse).layout, NO_CODE) == [()]


def test_a_stronger_code_needs_no_finer_steps() -> None:
    original = codec.decode(jpeg(quality=60, subsampling="4:4:4"))
    layout, weak = file_of(original).layout, code_for(original)
    strong = (weak.astype(np.int16) * 4).clip(-127, 127).astype(np.int8)
    finest, finer = (sum(map(sum, layout.divided_by(jpeg_steps.choices(layout, c)[0]).tables)) for c in (weak, strong))
    assert finest < finer


def test_components_of_one_table_share_its_divisors() -> None:
    for options in (COARSE["halved"], COARSE["one table"]):
        original = codec.decode(jpeg(**options))
        layout = file_of(original).layout
        divisors = jpeg_steps.choices(layout, code_for(original))[0]
        for one, of_one in zip(layout.tables, divisors, strict=True):
            assert all(
                of_other == of_one for other, of_other in zip(layout.tables, divisors, strict=True) if other == one
            )


def test_a_coefficient_that_divided_steps_cannot_say_keeps_its_own() -> None:
    """As in a file whose coefficients were beyond what 8 bits need, which decoders clip."""
    original = codec.decode(jpeg(quality=60, subsampling="4:4:4"))
    divisors = jpeg_steps.choices(file_of(original).layout, code_for(original))[0]
    at = int(np.argmax(divisors[0]))

    def enlarge(component: int, row: int, blocks: np.ndarray) -> None:
        if (component, row) == (0, 3):
            blocks[4, at] = 1000

    beyond = codec.decode(coefficients.changed(file_of(original).data, enlarge, False) or b"")
    assert jpeg_file.add(file_of(beyond), code_for(original), divisors, None) is None
    written = pipeline.write(beyond, replace(receipt_for(original), original_sha256=beyond.sha256()))
    assert written.restores
    assert written.receipt.original_layout is not None
    assert written.receipt.original_layout.moved_in == file_of(beyond).layout
    assert np.array_equal(codec.decode(restored_file(written) or b"").pixels, beyond.pixels)


def test_a_table_that_decoders_do_not_see_is_not_taken_for_theirs() -> None:
    """Behind the picture, where a header that was passed over wrongly would lead."""
    data = jpeg(quality=60)
    tables = data[data.index(b"\xff\xdb") : data.index(b"\xff\xc0")]
    behind = b"\xff\xd8\xff\xd0" + data[2:]
    crafted = behind.ljust(4 + 0xFFE0, b"\0") + tables + b"\xff\xda\0\2"
    original = codec.decode(crafted)
    written = pipeline.write(original, receipt_for(original))
    assert psnr_db(original.pixels, codec.decode(written.file.data).pixels) > 30
    restored = asyncio.run(
        pipeline.restore(codec.decode(written.file.data), written.receipt, EmbeddedBackend(REPOSITORY))
    )
    assert restored.is_bit_exact == written.restores


@pytest.mark.parametrize("beyond", [1024, -1024, 1030, -2000])
def test_what_cannot_be_written_back_is_not_promised(beyond: int) -> None:
    """The code brings the coefficient back into what a file can hold; the original's would not fit again."""
    original = codec.decode(jpeg(qtables=[[1] * 64], mode="L"))

    def enlarge(component: int, row: int, blocks: np.ndarray) -> None:
        if row == 3:
            blocks[4, 1] = beyond

    held = coefficients.changed(file_of(original).data, enlarge, is_progressive=True)
    photo = codec.decode(held or b"")
    assert jpeg_file.add(file_of(photo), code_for(photo), (), None) is None
    assert not pipeline.write(photo, receipt_for(photo)).restores


def test_tables_are_written_where_the_file_has_them() -> None:
    data = jpeg(quality=60)
    layout = file_of(codec.decode(data)).layout
    others = tuple(range(1, 65)), tuple(range(64, 0, -1))
    changed = segments.requantised(data, dict(enumerate(others)))
    assert changed is not None
    assert file_of(codec.decode(changed)).layout == replace(layout, tables=(others[0], others[1], others[1]))
    assert segments.requantised(data, {2: others[0]}) is None
    assert segments.requantised(data[:300], {0: others[0], 1: others[1]}) is None
    assert segments.requantised(b"", {0: others[0]}) is None


def test_tables_of_two_bytes_are_written_in_two() -> None:
    data = jpeg(quality=60, mode="L")
    at = data.index(b"\xff\xdb")
    of_two = (
        b"\xff\xdb"
        + (2 + 129).to_bytes(2, "big")
        + b"\x10"
        + b"".join(bytes((0, step)) for step in data[at + 5 : at + 69])
    )
    wide = data[:at] + of_two + data[at + 69 :]
    before = codec.decode(wide)
    assert np.array_equal(before.pixels, codec.decode(data).pixels)
    changed = segments.requantised(wide, {0: tuple(range(1, 65))})
    assert changed is not None
    layout: JpegLayout = file_of(codec.decode(changed)).layout
    assert layout.tables == (tuple(range(1, 65)),)
