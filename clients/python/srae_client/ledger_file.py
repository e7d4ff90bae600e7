"""The ledger as a file for another computer: a line that says what it is, then an entry a line, as JSON.

The receipts are in it as the ledger has them, sealed for their owner's key.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from srae_client import receipts
from srae_client.errors import LocalReason, SraeClientError
from srae_client.ledger import Entry

MAGIC = "SRAE ledger 1"
_PATTERNS = {
    "id": r"[0-9a-f]{32}",
    "protected_at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "page_origin": r"[^\x00-\x1f\ud800-\udfff]{0,512}",
    "file_name": r"[^\x00-\x1f/\\\ud800-\udfff]{1,255}",
    "mime_type": r"[a-z0-9.+-]+/[a-z0-9.+-]+",
    "tier": r"sealed|one-pass",
    "protected_sha256": r"[0-9a-f]{64}",
    "original_sha256": r"[0-9a-f]{64}",
}
_FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)
_LARGEST_SIDE = 1 << 20
_LARGEST_RECEIPT = 1 << 20


def write(entries: Iterable[Entry]) -> bytes:
    """The file's content."""
    lines = (
        json.dumps({**asdict(entry), "receipt": base64.b64encode(entry.receipt).decode("ascii")}, sort_keys=True)
        for entry in entries
    )
    return "\n".join([MAGIC, *lines, ""]).encode("ascii")


def read(data: bytes) -> list[Entry]:
    """The entries in a file's content.

    Raises:
        SraeClientError: it is no such file, or a line of it is damaged.
    """
    try:
        first, *lines = data.decode("ascii").splitlines()
        if first != MAGIC:
            raise ValueError("it does not begin as one does")
        return [_entry(json.loads(line)) for line in lines]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SraeClientError(
            LocalReason.LEDGER_FILE_INVALID,
            "This is no ledger that was exported, or it is damaged. Choose the file that was exported from a ledger.",
        ) from None


def damaged(entry: Entry, error: ValueError) -> SraeClientError:
    """What to say where the ledger's receipt is of no use. Importing changes no entry that is there."""
    return SraeClientError(
        LocalReason.RECEIPT_UNREADABLE,
        f"The receipt in the ledger is damaged: {error}. Delete the entry (srae ledger forget {entry.id}), then "
        "import a copy that you exported (srae ledger import FILE).",
    )


def _entry(given: Mapping[str, Any]) -> Entry:
    for name, pattern in _PATTERNS.items():
        if not re.fullmatch(pattern, given[name], re.ASCII):
            raise ValueError(name)
    for side in ("width", "height"):
        if type(given[side]) is not int or not 0 < given[side] <= _LARGEST_SIDE:
            raise ValueError(side)
    if given["is_protected"] is not None and type(given["is_protected"]) is not bool:
        raise ValueError("is_protected")
    if given["perceptual_hash"] is not None and not _FINGERPRINT.fullmatch(given["perceptual_hash"]):
        raise ValueError("perceptual_hash")
    try:
        receipt = base64.b64decode(given["receipt"], validate=True)
    except binascii.Error:
        raise ValueError("receipt") from None
    if len(receipt) > _LARGEST_RECEIPT or not receipts.looks_like_one(receipt):
        raise ValueError("receipt")
    known = {name: given[name] for name in Entry.__dataclass_fields__}
    return Entry(**{**known, "receipt": receipt})
