"""Receipt files: what goes in comes out, and nothing else comes out."""

import zlib
from pathlib import Path

import pytest
from srae.v1.image_pb2 import ProtectionReceipt
from srae_client import receipts
from srae_client.errors import SraeClientError

from tests.unit.client_fake import receipt


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "cat.png.receipt"
    path.write_bytes(receipts.pack(receipt()))
    assert receipts.read(path) == receipt()


def _without(field: str) -> bytes:
    partial = receipt()
    partial.ClearField(field)  # type: ignore[arg-type]
    return receipts.pack(partial)


def _wrong_code() -> bytes:
    wrong = receipt()
    wrong.code.levels = bytes(11)
    return receipts.pack(wrong)


GOOD = receipts.pack(receipt())
CORRUPT = {
    "empty": b"",
    "a photo": b"\x89PNG\r\n\x1a\n",
    "another version": GOOD.replace(b"receipt 1", b"receipt 2"),
    "cut off": GOOD[:-5],
    "magic alone": receipts.MAGIC,
    "longer": GOOD + b"more",
    "one bit": GOOD[:-8] + bytes([GOOD[-8] ^ 1]) + GOOD[-7:],
    "no protobuf": receipts.MAGIC + zlib.compress(b"\xff" * 50),
    "nothing inside": receipts.pack(ProtectionReceipt()),
    "a bomb": receipts.MAGIC + zlib.compress(bytes(10_000_000)),
    "no hash": _without("original_sha256"),
    "no tier": _without("tier"),
    "sealed without code": _without("code"),
    "code of another size": _wrong_code(),
}


@pytest.mark.parametrize("content", CORRUPT.values(), ids=CORRUPT.keys())
def test_anything_else_is_refused_with_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "some.receipt"
    path.write_bytes(content)
    with pytest.raises(SraeClientError, match=r"not a usable receipt.*Give the file") as caught:
        receipts.read(path)
    assert caught.value.reason == "RECEIPT_UNREADABLE"


def test_a_missing_receipt_is_said(tmp_path: Path) -> None:
    with pytest.raises(SraeClientError, match="There is no receipt"):
        receipts.read(tmp_path / "none.receipt")


def test_the_receipt_beside_the_photo_is_found_unless_another_is_given(tmp_path: Path) -> None:
    photo, other = tmp_path / "cat.png", tmp_path / "other"
    assert receipts.path_for(photo, None) is None
    receipts.path_beside(photo).write_bytes(GOOD)
    assert receipts.path_for(photo, None) == tmp_path / "cat.png.receipt"
    assert receipts.path_for(photo, other) == other


def test_a_name_too_long_for_a_receipt_beside_it_has_none(tmp_path: Path) -> None:
    assert receipts.path_for(tmp_path / ("x" * 246 + ".jpg"), None) is None
