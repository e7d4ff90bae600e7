"""How the original is found: by the receipt that was given or lies beside the photo, by the ledger's, else by what the
photo carries itself. What none of them vouches for is an estimate, and no original.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from srae.v1.image_pb2 import PROMISE_BIT_EXACT, PROMISE_NEAR

from srae_client import ledger_file, receipts
from srae_client.bookkeeping import candidates
from srae_client.client import Client, Restored
from srae_client.errors import LocalReason, SraeClientError
from srae_client.key_holder import KeyHolder
from srae_client.ledger import Ledger

#: Refusals of a receipt that nobody named after which another one, or the photo itself, may still do.
_PASSED_OVER = (
    "RECEIPT_MISMATCH",
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
        SraeClientError: the receipt that was named does not fit or cannot be opened, or the server refuses.
    """
    receipt = receipts.path_for(path, given)
    refusals: list[SraeClientError] = []
    if receipt is not None:
        try:
            return Found(await client.restore(photo, receipts.read(receipt, holder), mime_type), receipt=receipt)
        except SraeClientError as error:
            if given is not None or error.reason not in _PASSED_OVER:
                raise
            refusals.append(error)  # it lies beside the photo, and another may do all the same
    if ledger is not None:
        found, refusal = await _by_ledger(client, photo, ledger, holder, mime_type)
        if found is not None:
            return found
        refusals += [refusal] if refusal is not None else []
    made = await client.restore(photo, None, mime_type)
    if made.outcome.promise == PROMISE_BIT_EXACT:
        return Found(made)
    refusals.append(_no_receipt(was_asked=ledger is not None, was_changed=made.outcome.promise == PROMISE_NEAR))
    return Found(made, doubt=refusals[0])


async def _by_ledger(
    client: Client, photo: bytes, ledger: Ledger, holder: KeyHolder, mime_type: str
) -> tuple[Found | None, SraeClientError | None]:
    """The original by the first receipt that fits; else why the likeliest that could be this photo's is of no use."""
    refusals = []
    try:
        matches = await asyncio.to_thread(lambda: list(candidates(ledger, photo)))
    except SraeClientError as error:
        return None, error
    for _, match in matches:
        try:
            receipt = receipts.unpack(match.entry.receipt, holder)
            return Found(await client.restore(photo, receipt, mime_type), entry=match.entry.id), None
        except ValueError as error:
            refusals.append(ledger_file.damaged(match.entry, error))
        except SraeClientError as error:
            if error.reason not in _PASSED_OVER:
                raise
            if error.reason != "RECEIPT_MISMATCH":  # that one is another photo's, and says nothing of this one
                refusals.append(error)
    return None, refusals[0] if refusals else None


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
