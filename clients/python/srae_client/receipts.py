"""The receipt as a file: sealed for its owner (see ``sealing``), as text for a letter, or plain as it once was.

SRAE receipt 1\\n
zlib(ProtectionReceipt)
"""

from __future__ import annotations

import base64
import binascii
import os
import textwrap
import zlib
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.message import DecodeError
from srae.v1.image_pb2 import TIER_ONE_PASS, TIER_SEALED, ProtectionReceipt

from srae_client import sealing
from srae_client.errors import LocalReason, SraeClientError
from srae_client.key_holder import KeyHolder

MAGIC = b"SRAE receipt 1\n"
#: Far above any receipt (a few KB), far below what would exhaust the memory.
_MAX_BYTES = 1 << 20
_SHA256_BYTES = 32
_BEGIN, _END = b"-----BEGIN SRAE RECEIPT-----", b"-----END SRAE RECEIPT-----"


def path_beside(photo: Path) -> Path:
    """Where a protected photo's receipt is, unless it was put elsewhere."""
    return photo.with_name(photo.name + ".receipt")


def seal(receipt: ProtectionReceipt, holder: KeyHolder, friends: Sequence[bytes] = ()) -> bytes:
    """A receipt file's content that the holder and these friends (public keys) can open.

    Raises:
        SraeClientError: the holder's keys cannot be used, or a friend's is no key.
    """
    own = holder.public()
    try:
        return sealing.seal(receipt, [own, *friends])
    except ValueError as error:
        raise SraeClientError(
            LocalReason.KEY_INVALID, f"The receipt cannot be sealed for these keys: {error}. Check --to."
        ) from None


def pack(receipt: ProtectionReceipt) -> bytes:
    """A receipt file's content that everybody can open."""
    return MAGIC + zlib.compress(receipt.SerializeToString(), 9)


def to_text(data: bytes) -> bytes:
    """A receipt file's content as lines that survive a letter."""
    lines = textwrap.wrap(base64.b64encode(data).decode("ascii"), 64)
    return b"\n".join([_BEGIN, *(line.encode("ascii") for line in lines), _END, b""])


def unpack(data: bytes, holder: KeyHolder | None = None) -> ProtectionReceipt:
    """The receipt in a file's content, for the holder of these keys; the user's where none are named.

    Raises:
        ValueError: it holds none, or a damaged one.
        SraeClientError: it was sealed for others, or the keys cannot be used.
    """
    if _BEGIN in data[:4096]:
        data = _from_text(data)
    if data.startswith(sealing.MAGIC):
        private = (holder or KeyHolder()).private()
        try:
            receipt = sealing.unseal(data, private)
        except sealing.NotARecipientError:
            raise SraeClientError(
                LocalReason.RECEIPT_NOT_YOURS,
                "The receipt was sealed for another key than yours. Bring the key from the computer where the photo "
                "was protected: srae keys import FILE.",
            ) from None
    else:
        receipt = _unpack_plain(data)
    if not _is_whole(receipt):
        raise ValueError("parts of it are missing")
    return receipt


def _from_text(data: bytes) -> bytes:
    body = data.partition(_BEGIN)[2].partition(_END)[0]
    # Letters come back quoted and with other line ends.
    kept = b"".join(line.strip(b"> \t\r") for line in body.splitlines())
    try:
        return base64.b64decode(kept, validate=True)
    except binascii.Error:
        raise ValueError("its text is damaged") from None


def _unpack_plain(data: bytes) -> ProtectionReceipt:
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
    return receipt


def _is_whole(receipt: ProtectionReceipt) -> bool:
    if len(receipt.original_sha256) != _SHA256_BYTES or not receipt.model:
        return False
    code = receipt.code
    cells = 3 * code.rows * code.columns
    return receipt.tier in (TIER_ONE_PASS, TIER_SEALED) and len(code.levels) == cells > 0


def looks_like_one(data: bytes) -> bool:
    """Whether a file's content is a receipt's, whole or not."""
    return data.startswith((MAGIC, sealing.MAGIC)) or _BEGIN in data[:4096]


def read(path: Path, holder: KeyHolder | None = None) -> ProtectionReceipt:
    """Reads a receipt file.

    Raises:
        SraeClientError: it is missing, no receipt, or sealed for others.
    """
    try:
        return unpack(path.read_bytes(), holder)
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
    # Not beside.exists(): that raises where the name is longer than a file's can be.
    return given or (beside if os.access(beside, os.F_OK) else None)
