"""Protect, evaluate and restore: between the service, which has no memory, and the ledger, which has no photos."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from srae.v1.image_pb2 import ProtectionReceipt
from srae_client import bookkeeping, ledger_file, receipts, records
from srae_client.bookkeeping import candidates
from srae_client.client import Client, Protected, Restored
from srae_client.errors import SraeClientError
from srae_client.files import PHOTO_TYPES
from srae_client.key_holder import KeyHolder
from srae_client.ledger import Entry, Ledger, Match

from srae_host.calls import Answer, Report
from srae_host.errors import Code, HostError
from srae_host.service import Service
from srae_host.transfer import File

#: Refusals of a receipt after which the next one may fit.
_ANOTHERS = (
    Code.RECEIPT_MISMATCH,
    Code.RECEIPT_NOT_YOURS,
    Code.RECEIPT_UNREADABLE,
    Code.IS_ORIGINAL,  # as a protected photo is that was protected again
    "RECEIPT_INVALID",  # as the service has it
)
#: What a record on the command line has and an answer here has not.
_PATHS = ("original", "protected", "receipt")


class Photos:
    """The actions on photos. Each raises HostError or SraeClientError where it cannot be done."""

    def __init__(self, service: Service, ledger: Ledger, holder: KeyHolder) -> None:
        self._service = service
        self._ledger = ledger
        self._holder = holder

    async def protect(self, params: Mapping[str, Any], photo: File, report: Report) -> Answer:
        """``protect``: the receipt is in the ledger before the photo is given out."""
        tier = records.TIERS[params.get("tier", "sealed")]
        kind = params.get("output_mime_type", "")
        how = params.get("protected_psnr_db"), params.get("search_seconds")
        made = await self._service.call(lambda client: client.protect(photo.data, tier, kind, *how), report)
        record = records.of_protecting(made.outcome, ("", "", ""), (len(photo.data), len(made.image)))
        if record.protected_psnr_db is None or made.image == photo.data:
            raise HostError(Code.UNCHANGED_OUTPUT, "The protected photo would equal the original.")
        output = File(_renamed(photo.name, record.mime_type), record.mime_type, made.image)
        await report("sending")
        entry = await asyncio.to_thread(self._keep, params["page_origin"], output, made, record)
        wanted = ("tier", "is_protected", "bit_exact", "input_bits", "width", "height", "protected_psnr_db")
        figures = {
            name: value for name, value in asdict(record).items() if name in (*wanted, "restored_psnr_db", "views")
        }
        return Answer({"entry": entry.id, **figures}, {"photo": output})

    def _keep(self, page_origin: str, output: File, made: Protected, record: records.ProtectRecord) -> Entry:
        # Sealed before anything is kept: a receipt lies nowhere in the clear.
        receipt = receipts.seal(made.outcome.receipt, self._holder)
        entry = bookkeeping.entry_of(made, record, output.name, page_origin, receipt)
        self._ledger.add([entry])
        return entry

    async def evaluate(self, params: Mapping[str, Any], original: File, protected: File, report: Report) -> Answer:
        """``evaluate``."""
        entry = await asyncio.to_thread(self._named, params["entry"]) if "entry" in params else None
        receipt = await asyncio.to_thread(self._receipt, entry) if entry is not None else None
        measured = await self._service.call(
            lambda client: client.evaluate(original.data, protected.data, receipt), report
        )
        record = asdict(records.of_evaluating(measured, ("", ""), None))
        return Answer({name: value for name, value in record.items() if name not in _PATHS})

    async def restore(self, params: Mapping[str, Any], photo: File, report: Report) -> Answer:
        """``restore``: with the receipt that fits best, of those that could."""
        found_by, match, made = await self._nearest(params, photo, report)
        await report("sending")
        entry = match.entry.id if match is not None else None
        record = records.of_restoring(made.outcome, ("", ""), None, len(made.image), entry)
        result = {
            "entry": entry,
            "found_by": found_by,
            "distance": match.distance if match is not None and found_by == "perceptual_hash" else None,
            **{name: getattr(record, name) for name in ("tier", "verified", "width", "height")},
        }
        kind = record.mime_type
        return Answer(result, {"photo": File(_renamed(photo.name, kind), kind, made.image)})

    async def _nearest(
        self, params: Mapping[str, Any], photo: File, report: Report
    ) -> tuple[str, Match | None, Restored]:
        """What is restored, how its receipt was found, and which it is.

        A photo that was protected more than once restores nearly with the receipts of its other copies, too.
        """
        refusal: SraeClientError | None = None
        nearest: tuple[str, Match | None, Restored] | None = None
        async for found_by, match in self._candidates(params, photo):
            fit = 0.0 if nearest is None else nearest[2].outcome.receipt_fit
            try:
                made = await self._restored(photo, match, report, fit)
            except SraeClientError as error:
                if error.reason not in _ANOTHERS:
                    raise
                if refusal is None or error.reason == Code.IS_ORIGINAL:
                    refusal = error
                continue
            if found_by != "perceptual_hash" or made.is_certain:
                return found_by, match, made
            if nearest is None or made.outcome.receipt_fit > fit:
                nearest = found_by, match, made
        is_original = refusal is not None and refusal.reason == Code.IS_ORIGINAL
        if nearest is not None and (nearest[2].fits_surely or not is_original):
            return nearest
        raise refusal or HostError(Code.NOT_IN_LEDGER, "The ledger holds no photo that looks like this one.")

    async def _restored(self, photo: File, match: Match | None, report: Report, fit_to_beat: float) -> Restored:
        receipt = await asyncio.to_thread(self._receipt, match.entry) if match is not None else None

        async def job(client: Client) -> Restored:
            return await client.restore(photo.data, receipt, fit_to_beat=fit_to_beat)

        return await self._service.call(job, report)

    async def _candidates(self, params: Mapping[str, Any], photo: File) -> AsyncIterator[tuple[str, Match | None]]:
        """The receipts that could be the photo's, the likeliest first."""
        if params.get("without_receipt"):
            yield "none", None
            return
        if "entry" in params:
            yield "entry", Match(await asyncio.to_thread(self._named, params["entry"]), 0)
            return
        for found_by, match in await asyncio.to_thread(lambda: list(candidates(self._ledger, photo.data))):
            yield found_by, match

    def _receipt(self, entry: Entry) -> ProtectionReceipt:
        try:
            return receipts.unpack(entry.receipt, self._holder)
        except ValueError as error:
            raise ledger_file.damaged(entry, error) from None

    def _named(self, identity: str) -> Entry:
        entry = self._ledger.get(identity)
        if entry is None:
            raise HostError(Code.UNKNOWN_ENTRY, "The ledger has no entry with this id.")
        return entry


def _renamed(name: str, mime_type: str) -> str:
    """The name with an ending of the type, where it has not got one."""
    path = PurePosixPath(name)
    if PHOTO_TYPES.get(path.suffix.lower()) == mime_type:
        return name
    ending = next(ending for ending, type_ in PHOTO_TYPES.items() if type_ == mime_type)
    return (path.stem if path.suffix.lower() in PHOTO_TYPES else name)[: 255 - len(ending)] + ending
