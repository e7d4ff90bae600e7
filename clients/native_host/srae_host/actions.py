"""What can be asked of the host, by name."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from srae_client.errors import SraeClientError

from srae_host.calls import Answer, Report
from srae_host.errors import Code, HostError
from srae_host.limits import Limits
from srae_host.refusals import translate
from srae_host.requests import ROLES, Request
from srae_host.service import Service
from srae_host.transfer import File

if TYPE_CHECKING:  # these load gRPC and SQLite, for which hello must not wait
    from srae_client.ledger import Ledger

    from srae_host.photos import Photos
    from srae_host.session_keys import SessionKeys

#: The versions of the protocol that the host speaks.
OLDEST, NEWEST = 1, 1
NAME = "srae-host"
#: What of an entry the extension is told. The receipt is not: no page should ever hold one.
_TOLD = (
    "id",
    "protected_at",
    "page_origin",
    "file_name",
    "mime_type",
    "tier",
    "width",
    "height",
    "is_protected",
    "protected_sha256",
    "original_sha256",
    "perceptual_hash",
)
#: What the entries of one list may take, so that it fits into a frame, escaped.
_LIST_BYTES = 1_000_000


class HostActions:
    """The actions of PROTOCOL.md, section 5."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service = service
        self._limits = limits
        self._keys: SessionKeys | None = None
        self._opening = asyncio.Lock()  # each try takes memory: one at a time

    async def run(self, request: Request, files: Mapping[str, File], report: Report) -> Answer:
        """Does what a request asks.

        Raises:
            HostError: it cannot be done.
        """
        try:
            return await self._run(request, files, report)
        except SraeClientError as error:
            raise translate(error) from error

    async def _run(self, request: Request, files: Mapping[str, File], report: Report) -> Answer:
        params = request.params
        match request.action:
            case "hello":
                return self._hello(params)
            case "echo":
                return Answer({"payload": params.get("payload")}, files)
            case "wake":
                await self._service.wake(report)
                return Answer({"service": self._service.seen()})
            case "status":
                return await self._status()
            case "protect":
                return await (await self._photos()).protect(params, files["photo"], report)
            case "unlock":
                await self._unlock(params["passphrase"])
                return Answer({})
            case "evaluate":
                photos = await self._photos()
                return await photos.evaluate(params, files["original"], files["protected"], report)
            case "restore":
                return await (await self._photos()).restore(params, files["photo"], report)
            case _:
                return await asyncio.to_thread(_ledger_action, request, files)

    def _hello(self, params: Mapping[str, Any]) -> Answer:
        lowest, highest = params["protocol"]["min"], params["protocol"]["max"]
        if lowest > NEWEST or highest < OLDEST:
            raise HostError(
                Code.PROTOCOL_MISMATCH,
                f"The host speaks version {OLDEST} to {NEWEST} of the protocol, the extension {lowest} to {highest}.",
                {"min": OLDEST, "max": NEWEST},
            )
        return Answer(
            {
                "protocol": min(NEWEST, highest),
                "host": {"name": NAME, "version": version()},
                "limits": asdict(self._limits),
                "actions": list(ROLES),
                "service": self._service.seen(),
            }
        )

    async def _photos(self) -> Photos:
        from srae_host.photos import Photos

        return Photos(self._service, await asyncio.to_thread(_ledger), self._session_keys())

    def _session_keys(self) -> SessionKeys:
        from srae_host.session_keys import SessionKeys

        if self._keys is None:
            self._keys = SessionKeys()
        return self._keys

    async def _unlock(self, passphrase: str) -> None:
        async with self._opening:
            await asyncio.to_thread(self._session_keys().open, passphrase)

    async def _status(self) -> Answer:
        from srae_host import doctor

        checks = await doctor.examine_from_host()
        told = [check.as_json() for check in checks]
        public_key = await asyncio.to_thread(doctor.public_key)
        return Answer({"healthy": all(check.ok for check in checks), "checks": told, "public_key": public_key})


def version() -> str:
    """The installed version."""
    try:
        return importlib.metadata.version("srae")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _ledger() -> Ledger:
    from srae_client.ledger import Ledger

    return Ledger()


def _ledger_action(request: Request, files: Mapping[str, File]) -> Answer:
    """The actions on the ledger, in a thread."""
    from srae_client import ledger_file

    ledger, params = _ledger(), request.params
    if request.action == "ledger_list":
        entries = ledger.entries(params.get("limit", 100), params.get("offset", 0))
        told = [{name: getattr(entry, name) for name in _TOLD} for entry in entries]
        return Answer({"total": ledger.count(), "entries": _fitting(told)})
    if request.action == "ledger_forget":
        return Answer({"forgotten": ledger.forget(params["entries"])})
    if request.action == "ledger_export":
        entries = ledger.entries()
        exported = File("srae-ledger.txt", "text/plain", ledger_file.write(entries))
        return Answer({"entries": len(entries)}, {"ledger": exported})
    if request.action == "ledger_import":
        entries = ledger_file.read(files["ledger"].data)
        added = ledger.add(entries)
        return Answer({"added": added, "known": len(entries) - added})
    raise AssertionError(f"{request.action} is an action, and nothing does it")


def _fitting(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the entries as fit into a frame."""
    size, fitting = 0, []
    for entry in entries:
        size += len(json.dumps(entry)) + 2
        if size > _LIST_BYTES:
            break
        fitting.append(entry)
    return fitting
