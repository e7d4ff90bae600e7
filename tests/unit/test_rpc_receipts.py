"""Receipts on the wire: the way there and back, and everything that can be wrong with one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from srae.v1.image_pb2 import TIER_ONE_PASS, TIER_SEALED, PerturbationCode, ProtectionReceipt

from services.errors import InvalidReceiptError, Reason
from services.imaging.photo import JpegLayout, Layout
from services.imaging.receipt import Receipt, Tier
from services.rpc.receipts import from_wire, to_wire

CODE = np.random.default_rng(0).integers(-127, 128, (3, 5, 7)).astype(np.int8)
SEALED = Receipt(Tier.SEALED, "refiner", "12", bytes(range(32)), CODE)
TABLES = (tuple(range(1, 65)), tuple(range(255, 191, -1)))
WITH_LAYOUT = Receipt(Tier.SEALED, "refiner", "12", bytes(range(32)), CODE, Layout(3000, 4000, TABLES))
MOVED = JpegLayout(6, 4000, 3000, (*TABLES, TABLES[1]), (2, 2))
IN_ITS_FILE = Receipt(Tier.SEALED, "refiner", "12", bytes(range(32)), CODE, Layout(3000, 4000, TABLES[:1], MOVED))
GREY = JpegLayout(1, 3000, 4000, TABLES[:1], (1, 1))
GREY_IN_ITS_FILE = Receipt(Tier.SEALED, "refiner", "12", bytes(range(32)), CODE, Layout(3000, 4000, TABLES[:1], GREY))
DIVISORS = ((8,) * 64, (5,) * 64, (7,) * 64)
FINER = JpegLayout(1, 9, 9, ((2,) * 64, (3,) * 64, (3,) * 64), (2, 1), DIVISORS)
DIVIDED = Receipt(Tier.SEALED, "refiner", "12", bytes(range(32)), CODE, Layout(9, 9, TABLES[:1], FINER))
ONE_PASS = Receipt(Tier.ONE_PASS, "protector", "1", bytes(32), CODE)
JPEG = {"orientation": 1, "steps": [bytes(range(1, 65))], "halved_height": 1, "halved_width": 2}
NO_JPEGS = ((65_536, 32), (32, 65_536), (10_000, 5_001))
WRONG_IN_JPEG: list[dict[str, object]] = [
    {"orientation": 0},
    {"orientation": 9},
    {"steps": []},
    {"steps": [bytes(64)]},
    {"steps": [bytes(range(1, 64))]},
    {"halved_height": 3},
    {"halved_width": 0},
    {"grey": True},
    *({"divided": divided} for divided in ([bytes(64)], [bytes([2] * 63)], [bytes([2] * 64)] * 4, [bytes([4] * 64)])),
    {"grey": True, "halved_width": 1, "steps": [bytes(range(1, 65))] * 2},
]


@pytest.mark.parametrize("receipt", [SEALED, WITH_LAYOUT, IN_ITS_FILE, GREY_IN_ITS_FILE, DIVIDED, ONE_PASS])
def test_a_receipt_comes_back_as_it_was(receipt: Receipt) -> None:
    back = from_wire(ProtectionReceipt.FromString(to_wire(receipt).SerializeToString()))

    assert np.array_equal(back.code, CODE)
    assert (back.tier, back.model, back.model_version, back.original_sha256, back.original_layout) == (
        receipt.tier, receipt.model, receipt.model_version, receipt.original_sha256, receipt.original_layout,
    )  # fmt: skip


def code(levels: bytes, rows: int, columns: int) -> Callable[[ProtectionReceipt], None]:
    return lambda message: message.code.CopyFrom(PerturbationCode(levels=levels, rows=rows, columns=columns))


def fields(**changes: object) -> Callable[[ProtectionReceipt], None]:
    return lambda message: message.MergeFrom(ProtectionReceipt(**changes))


@pytest.mark.parametrize(
    "damage",
    [
        lambda message: message.ClearField("tier"),
        fields(tier=9),
        fields(model="protector"),
        fields(tier=TIER_ONE_PASS),
        lambda message: message.ClearField("model"),
        lambda message: message.ClearField("model_version"),
        fields(model_version="latest"),
        fields(model_version="../1"),
        fields(model_version="\u0661"),
        fields(model_version="1" * 19),
        fields(original_sha256=bytes(31)),
        fields(original_sha256=bytes(33)),
        lambda message: message.ClearField("code"),
        code(b"", 0, 0),
        code(bytes(3 * 65), 65, 1),
        code(bytes(3 * 65), 1, 65),
        code(bytes(3 * 5 * 7 - 1), 5, 7),
        code(bytes(3 * 5 * 7 + 1), 5, 7),
        code(b"\x80" + bytes(3 * 5 * 7 - 1), 5, 7),
        code(b"", 2**31, 2**31),
        fields(original_layout={"height": 0, "width": 9}),
        fields(original_layout={"height": 9, "width": 2**31}),
        fields(original_layout={"height": 9, "width": 9, "jpeg_steps": [bytes(range(1, 64))]}),
        fields(original_layout={"height": 9, "width": 9, "jpeg_steps": [bytes(range(64))]}),
        fields(original_layout={"height": 9, "width": 9, "jpeg_steps": [bytes(range(1, 65))] * 4}),
        *(fields(original_layout={"height": 9, "width": 9, "moved_in": JPEG | wrong}) for wrong in WRONG_IN_JPEG),
        *(fields(original_layout={"height": high, "width": wide, "moved_in": JPEG}) for high, wide in NO_JPEGS),
    ],
)
def test_a_damaged_receipt_is_refused(damage: Callable[[ProtectionReceipt], None]) -> None:
    message = to_wire(SEALED)
    assert message.tier == TIER_SEALED
    damage(message)

    with pytest.raises(InvalidReceiptError, match="damaged") as caught:
        from_wire(message)

    assert caught.value.reason is Reason.RECEIPT_INVALID


def test_a_one_pass_receipt_may_hold_the_code_that_its_photo_could_not_carry() -> None:
    message = to_wire(ONE_PASS)
    message.code.CopyFrom(to_wire(SEALED).code)

    code = from_wire(message).code

    assert code is not None
    assert np.array_equal(code, SEALED.code)
