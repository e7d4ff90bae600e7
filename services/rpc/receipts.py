"""Receipts between the wire and the pipeline. Nothing that comes from outside is taken on trust."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from srae.v1.image_pb2 import TIER_ONE_PASS, TIER_SEALED, OriginalLayout, PerturbationCode, ProtectionReceipt
from srae.v1.image_pb2 import JpegLayout as WireJpegLayout

from services.errors import InvalidReceiptError, Reason
from services.imaging.orientation import is_on_its_side
from services.imaging.photo import MAX_PIXELS, MAX_STEP, JpegLayout, Layout, Tables
from services.imaging.pipeline import WRITERS
from services.imaging.receipt import Receipt, Tier

#: The wire's tier, the pipeline's tier.
TIERS = {TIER_ONE_PASS: Tier.ONE_PASS, TIER_SEALED: Tier.SEALED}
TIERS_ON_WIRE = {tier: number for number, tier in TIERS.items()}

_SHA256_BYTES = 32
_MAX_CELLS = 64
_MAX_VERSION_DIGITS = 18
_MAX_TABLES, _TABLE = 3, 64
_MAX_SIDE = 65535
_HALVED = (1, 2)
_ORIENTATIONS = range(1, 9)


def to_wire(receipt: Receipt) -> ProtectionReceipt:
    """The receipt as it travels."""
    _, rows, columns = receipt.code.shape
    return ProtectionReceipt(
        tier=TIERS_ON_WIRE[receipt.tier],
        model=receipt.model,
        model_version=receipt.model_version,
        original_sha256=receipt.original_sha256,
        code=PerturbationCode(levels=receipt.code.tobytes(), rows=rows, columns=columns),
        original_layout=None if receipt.original_layout is None else _layout_to_wire(receipt.original_layout),
        protected_sha256=receipt.protected_sha256,
    )


def from_wire(message: ProtectionReceipt) -> Receipt:
    """The receipt that came in.

    Raises:
        InvalidReceiptError: something about it is off.
    """
    if message.tier not in TIERS:
        raise _invalid("its tier is neither one-pass nor sealed")
    tier = TIERS[message.tier]
    if message.model != WRITERS[tier]:
        raise _invalid(f"its model is not {WRITERS[tier]!r}, which writes the codes of its tier")
    version = message.model_version
    if not (version.isascii() and version.isdigit() and len(version) <= _MAX_VERSION_DIGITS):
        raise _invalid("its model_version is not a number")
    if len(message.original_sha256) != _SHA256_BYTES:
        raise _invalid(f"its original_sha256 has {len(message.original_sha256)} bytes instead of {_SHA256_BYTES}")
    if len(message.protected_sha256) not in (0, _SHA256_BYTES):
        raise _invalid(f"its protected_sha256 has {len(message.protected_sha256)} bytes instead of {_SHA256_BYTES}")
    if not message.HasField("code"):
        raise _invalid("it holds no code")
    layout = _layout(message.original_layout) if message.HasField("original_layout") else None
    return Receipt(
        tier,
        message.model,
        version,
        message.original_sha256,
        _code(message.code),
        layout,
        message.protected_sha256,
    )


def _code(message: PerturbationCode) -> NDArray[np.int8]:
    rows, columns = message.rows, message.columns
    if not (1 <= rows <= _MAX_CELLS and 1 <= columns <= _MAX_CELLS):
        raise _invalid(f"its code's rows and columns are not within 1..{_MAX_CELLS}")
    if len(message.levels) != 3 * rows * columns:
        raise _invalid("its code's levels do not fill its rows and columns")
    code = np.frombuffer(message.levels, dtype=np.int8).reshape(3, rows, columns)
    if code.min() == np.iinfo(np.int8).min:
        raise _invalid("its code holds the level -128, which no code has")
    return code


def _layout_to_wire(layout: Layout) -> OriginalLayout:
    return OriginalLayout(
        height=layout.height,
        width=layout.width,
        jpeg_steps=[bytes(table) for table in layout.jpeg_steps],
        moved_in=None if layout.moved_in is None else _jpeg_to_wire(layout.moved_in),
    )


def _tables_to_wire(tables: Tables) -> list[bytes]:
    """A table for each component; the last is not repeated."""
    told = list(tables)
    while len(told) > 1 and told[-1] == told[-2]:
        told.pop()
    return [bytes(table) for table in told]


def _jpeg_to_wire(jpeg: JpegLayout) -> WireJpegLayout:
    height, width = jpeg.halved
    return WireJpegLayout(
        orientation=jpeg.orientation,
        steps=_tables_to_wire(jpeg.tables),
        halved_height=height,
        halved_width=width,
        grey=len(jpeg.tables) == 1,
        divided=_tables_to_wire(jpeg.divided),
    )


def _layout(message: OriginalLayout) -> Layout:
    if not (1 <= message.height <= MAX_PIXELS and 1 <= message.width <= MAX_PIXELS):
        raise _invalid("its original_layout has a side that no photo has")
    steps = _tables(message.jpeg_steps)
    moved_in = _jpeg(message) if message.HasField("moved_in") else None
    return Layout(message.height, message.width, steps, moved_in)


def _jpeg(layout: OriginalLayout) -> JpegLayout:
    message = layout.moved_in
    halved = message.halved_height, message.halved_width
    is_known = all(by in _HALVED for by in halved) and (not message.grey or (len(message.steps), halved) == (1, (1, 1)))
    if not message.steps or message.orientation not in _ORIENTATIONS or not is_known:
        raise _invalid("the layout of its JPEG is none that a code is added to")
    components = 1 if message.grey else _MAX_TABLES
    tables, divided = (_for_each(components, _tables(given)) for given in (message.steps, message.divided))
    sides = layout.height, layout.width
    if max(sides) > _MAX_SIDE or layout.height * layout.width > MAX_PIXELS:
        raise _invalid("its JPEG has a size that no JPEG has")
    height, width = sides[::-1] if is_on_its_side(message.orientation) else sides
    found = JpegLayout(message.orientation, height, width, tables, halved, divided)
    if len(divided) not in (0, components) or max(map(max, found.undivided().tables)) > MAX_STEP:
        raise _invalid("its JPEG's steps cannot have been divided like that")
    return found


def _for_each(components: int, tables: Tables) -> Tables:
    """A table for each component; the last was not repeated."""
    return tables + tables[-1:] * (components - len(tables))


def _tables(given: Sequence[bytes]) -> Tables:
    if len(given) > _MAX_TABLES or any(len(table) != _TABLE or min(table) < 1 for table in given):
        raise _invalid(f"its original_layout has not up to {_MAX_TABLES} tables of {_TABLE} steps above 0")
    return tuple(tuple(table) for table in given)


def _invalid(fault: str) -> InvalidReceiptError:
    return InvalidReceiptError(Reason.RECEIPT_INVALID, f"This receipt is damaged: {fault}. Use it as it was saved.")
