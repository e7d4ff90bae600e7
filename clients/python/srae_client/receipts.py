"""The receipt as a file: a line that says what it is, then the compressed ``ProtectionReceipt``.

SRAE receipt 1\\n
zlib(ProtectionReceipt)
"""

from __future__ import annotations

import zlib
from pathlib import Path

from google.protobuf.message import DecodeError
from srae.v1.image_pb2 import TIER_ONE_PASS, TIER_SEALED, ProtectionReceipt

from srae_client.errors import LocalReason, SraeClientError

MAGIC = b"SRAE receipt 1\n"
#: Far above any receipt (a few KB), far below what would exhaust the memory.
_MAX_BYTES = 1 << 20
_SHA256_BYTES = 32


def path_beside(photo: Path) -> Path:
    """Where a protected photo's receipt is, unless it was put elsewhere."""
    return photo.with_name(photo.name + ".receipt")


def pack(receipt: ProtectionReceipt) -> bytes:
    """A receipt file's content."""
    return MAGIC + zlib.compress(receipt.SerializeToString(), 9)


def unpack(data: bytes) -> ProtectionReceipt:
    """The receipt in a file's content.

    Raises:
        ValueError: it holds none, or a damaged one.
    """
    if not data.startswith(MAGIC):
        raise ValueError("it does not begin as a receipt does")
    inflate = zlib.decompressobj()
    try:
        serialized = inflate.decompress(data[len(MAGIC) :], _MAX_BYTES)
        receipt = ProtectionReceipt.FromString(serialized)
    except (zlib.error, DecodeError):
        raise ValueError("it is damaged") from None
    if not inflate.eof or inflate.unused_data:
        raise ValueError("it is cut off or something was added to it")
    if not _is_whole(receipt):
        raise ValueError("parts of it are missing")
    return receipt


def _is_whole(receipt: ProtectionReceipt) -> bool:
    if len(receipt.original_sha256) != _SHA256_BYTES or not receipt.model:
        return False
    code = receipt.code
    cells = 3 * code.rows * code.columns
    return receipt.tier == TIER_ONE_PASS or (receipt.tier == TIER_SEALED and len(code.levels) == cells > 0)


def read(path: Path) -> ProtectionReceipt:
    """Reads a receipt file.

    Raises:
        SraeClientError: it is missing, or no receipt.
    """
    try:
        return unpack(path.read_bytes())
    except FileNotFoundError:
        raise SraeClientError(
            LocalReason.NOT_FOUND, f"There is no receipt {path}. It was written beside the protected photo."
        ) from None
    except ValueError as error:
        raise SraeClientError(
            LocalReason.RECEIPT_UNREADABLE,
            f"{path} is not a usable receipt: {error}. Give the file that was written when the photo was protected.",
        ) from None


def path_for(photo: Path, given: Path | None) -> Path | None:
    """The receipt that was given, else the one beside the photo, else none."""
    beside = path_beside(photo)
    return given or (beside if beside.exists() else None)
