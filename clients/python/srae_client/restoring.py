"""How the original is found: by the receipt that was given or lies beside the photo, by the ledger's, else by what the
photo carries itself. What none of them vouches for is an estimate, and no original.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from srae.v1.image_pb2 import PROMISE_BIT_EXACT, PROMISE_NEAR, ProtectionReceipt

from srae_client import ledger_file, receipts
from srae_client.bookkeeping import candidates
from srae_client.client import Client, Restored
from srae_client.errors import LocalReason, SraeClientError
from srae_client.key_holder import KeyHolder
from srae_client.ledger import Entry, Ledger

#: Refusals of a receipt that nobody named after which another one, or the photo itself, may still do.
_PASSED_OVER = (
    "RECEIPT_MISMATCH",
    "RECEIPT_INVALID",
    "IS_ORIGINAL",
    LocalReason.RECEIPT_NOT_YOURS,
    LocalReason.RECEIPT_UNREADABLE,
    LocalReason.KEY_LOCKED,
    LocalReason.LEDGER_UNUSABLE,
)


@dataclass(frozen=True)
class Found:
    """What came out.

    Attributes:
        receipt: the file, where its receipt fitted.
        entry: the ledger's, where its receipt fitted.
        doubt: why this is an estimate; None where a receipt, or the photo itself, vouches for it.
    """

    made: Restored
    receipt: Path | None = None
    entry: str | None = None
    doubt: SraeClientError | None = None


@dataclass(frozen=True)
class _Source:
    """A receipt that nobody named, and that could be the photo's.

    Attributes:
        read: unpacks it, or raises why it is of no use.
        receipt, entry: where it lies, one of the two.
        is_own: it was written with this very file.
    """

    read: Callable[[], ProtectionReceipt]
    receipt: Path | None = None
    entry: str | None = None
    is_own: bool = False


async def restored(
    client: Client,
    path: Path,
    photo: bytes,
    given: Path | None,
    ledger: Ledger | None,
    holder: KeyHolder,
    mime_type: str = "",
) -> Found:
    """The original of a protected photo's file, or an estimate of it.

    Args:
        photo: what is in the file.
        given: the only receipt that is tried, where one was named.
        ledger: None where it is not to be asked.
        mime_type: of the file; empty for the original's own JPEG where it comes back whole, else PNG.

    Raises:
        SraeClientError: the receipt that was named does not fit or cannot be opened, the photo is the original itself,
            or the server refuses.
    """
    if given is not None:
        return Found(await client.restore(photo, receipts.read(given, holder), mime_type), receipt=given)
    refusals: list[SraeClientError] = []
    # A photo that was protected more than once restores nearly with the receipts of its other copies, too.
    nearest: Found | None = None
    tried: list[ProtectionReceipt] = []
    async for source in _sources(path, photo, ledger, holder, refusals):
        fit = 0.0 if nearest is None or source.is_own else nearest.made.outcome.receipt_fit
        try:
            receipt = source.read()
            if receipt in tried:  # what lies beside the photo is in the ledger, too
                continue
            tried.append(receipt)
            found = Found(await client.restore(photo, receipt, mime_type, fit), source.receipt, source.entry)
        except SraeClientError as error:
            if error.reason not in _PASSED_OVER:
                raise
            if error.reason != "RECEIPT_MISMATCH" or source.receipt is not None:  # the ledger has many other photos'
                refusals.append(error)
            continue
        if source.is_own or found.made.is_certain:
            return found
        if nearest is None or found.made.outcome.receipt_fit > fit:
            nearest = found
    # No last word: a protected photo that was protected again is an original, too.
    is_original = next((refusal for refusal in refusals if refusal.reason == "IS_ORIGINAL"), None)
    if nearest is not None and (is_original is None or nearest.made.fits_surely):
        return nearest
    try:
        made = await client.restore(photo, None, mime_type)
    except SraeClientError as error:
        raise is_original or error from None
    if made.outcome.promise == PROMISE_BIT_EXACT:
        return Found(made)
    if is_original is not None:
        raise is_original
    refusals.append(_no_receipt(was_asked=ledger is not None, was_changed=made.outcome.promise == PROMISE_NEAR))
    return Found(made, doubt=refusals[0])


async def _sources(
    path: Path, photo: bytes, ledger: Ledger | None, holder: KeyHolder, refusals: list[SraeClientError]
) -> AsyncIterator[_Source]:
    """The likeliest first. Why the ledger cannot be asked goes to ``refusals``."""
    beside = receipts.path_for(path, None)
    if beside is not None:
        yield _Source(partial(receipts.read, beside, holder), receipt=beside)
    if ledger is None:
        return
    try:
        matches = await asyncio.to_thread(lambda: list(candidates(ledger, photo)))
    except SraeClientError as error:
        refusals.append(error)
        return
    for found_by, match in matches:
        entry = match.entry
        yield _Source(partial(_of_entry, entry, holder), entry=entry.id, is_own=found_by == "sha256")


def _of_entry(entry: Entry, holder: KeyHolder) -> ProtectionReceipt:
    try:
        return receipts.unpack(entry.receipt, holder)
    except ValueError as error:
        raise ledger_file.damaged(entry, error) from None


def _no_receipt(was_asked: bool, was_changed: bool) -> SraeClientError:
    changed = (
        "The photo was changed since it was protected, so it does not restore from itself. " if was_changed else ""
    )
    guess = "--estimate writes a guess, which is not the original."
    if not was_asked:
        return SraeClientError(
            LocalReason.NO_RECEIPT,
            f"{changed}No receipt was given or lies beside it, and the ledger was not asked. Name the receipt with "
            f"--receipt, or leave --no-ledger out; {guess}",
        )
    return SraeClientError(
        LocalReason.NOT_IN_LEDGER,
        f"{changed}No receipt was given or lies beside it, and the ledger has none that fits. If the photo was "
        f"protected elsewhere, name its receipt with --receipt, or import that ledger (srae ledger import FILE); "
        f"{guess}",
    )
