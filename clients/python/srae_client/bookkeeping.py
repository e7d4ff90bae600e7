"""What goes into the ledger when a photo was protected, and which of its entries could be a photo's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from srae_client import fingerprint
from srae_client.client import Protected
from srae_client.ledger import Entry, Ledger, Match, new_id, now
from srae_client.records import ProtectRecord

#: Photos that look alike whose receipts are tried: the same photo can have been protected often.
_MOST_ALIKE = 8

#: What the ledger's exported file, and the browser, have in no name; the last ones are no text.
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f/\\\ud800-\udfff]")


def entry_of(made: Protected, record: ProtectRecord, file_name: str, page_origin: str, receipt: bytes) -> Entry:
    """The entry of a protected photo. ``receipt``: a receipt file's content, sealed."""
    seen = fingerprint.of_file(made.image)
    return Entry(
        id=new_id(),
        protected_at=now(),
        page_origin=page_origin,
        file_name=_NOT_IN_NAMES.sub("_", file_name),
        mime_type=record.mime_type,
        tier=record.tier,
        width=record.width,
        height=record.height,
        is_protected=record.is_protected,
        protected_sha256=hashlib.sha256(made.image).hexdigest(),
        original_sha256=made.outcome.receipt.original_sha256.hex(),
        perceptual_hash=None if seen is None else fingerprint.to_text(seen),
        receipt=receipt,
    )


def candidates(ledger: Ledger, photo: bytes) -> Iterator[tuple[str, Match]]:
    """The entries that could be a photo's, the likeliest first, each with how it was found.

    Raises:
        SraeClientError: the ledger cannot be used.
    """
    exact = ledger.find_file(hashlib.sha256(photo).hexdigest())
    for entry in exact:
        yield "sha256", Match(entry, 0)
    if exact:
        return
    seen = fingerprint.of_file(photo)
    if seen is not None:
        for match in ledger.find_like(seen, _MOST_ALIKE):
            yield "perceptual_hash", match
