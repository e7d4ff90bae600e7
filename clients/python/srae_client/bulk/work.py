"""What a Ray worker does with one photo. It knows the public key alone, so it can seal receipts and open none."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from srae_client import batch, files, receipts, records, sealing
from srae_client.client import Client
from srae_client.files import Source
from srae_client.records import Failure, ProtectRecord

DONE, FAILED = "done", "failed"


def is_done(out: Path, name: str) -> bool:
    """Whether a photo (its path in the folder) has its output and the receipt.

    An empty file is neither: where a file system knows no links, a killed worker can leave one.
    """
    output = out / name
    try:
        return all(file.stat().st_size > 0 for file in (output, receipts.path_beside(output)))
    except OSError:
        return False


def done(name: str, is_protected: bool | None = None) -> dict[str, Any]:
    """The manifest's line on a protected photo. ``is_protected``: None where no classifier was asked, or none knows."""
    return {"photo": name, "status": DONE, "is_protected": is_protected}


def failed(name: str, reason: str, message: str) -> dict[str, Any]:
    """The manifest's line on a photo that could not be protected, or a folder that could not be looked into."""
    return {"photo": name, "status": FAILED, "reason": reason, "message": message}


@dataclass(frozen=True)
class Work:
    """Protects photos of a folder into another.

    Attributes:
        folder, out: absolute, and the same on every machine.
        address: the server's, as ``Client`` takes it.
        ca: certificates (PEM) to trust in place of the system's.
        tier: one of ``records.TIERS``.
        public_key: of the owner, 32 bytes: receipts are sealed for it.
    """

    folder: Path
    out: Path
    address: str
    ca: bytes | None
    tier: str
    public_key: bytes

    def protect(self, row: dict[str, bytes]) -> dict[str, str]:
        """From a photo's path in the folder (``item``) to its line in the manifest (``line``). It raises nothing of
        its own: a photo that fails is a line, too."""
        name = os.fsdecode(row["item"])
        return {"line": json.dumps(asyncio.run(self._result(name)))}

    async def _result(self, name: str) -> dict[str, Any]:
        # A worker that was killed may have got this far: Ray then gives its photos to another one, all of them again.
        if is_done(self.out, name):
            return done(name)
        result = await batch.attempt(Source(self.folder / name), lambda source: self._protect(source, self.out / name))
        if isinstance(result, Failure):
            return failed(name, result.reason, result.message)
        assert isinstance(result, ProtectRecord)  # for the type checker: it is what the job gives
        return done(name, result.is_protected)

    async def _protect(self, source: Source, output: Path) -> ProtectRecord:
        receipt = receipts.path_beside(output)
        data = files.read(source)
        if await asyncio.to_thread(os.path.lexists, output):  # found out before the work
            raise files.exists_error(output)
        made = await _client(self.address, self.ca).protect(data, records.TIERS[self.tier])
        contents = sealing.seal(made.outcome.receipt, [self.public_key]), made.image
        _set_aside(receipt)
        # The receipt first, as everywhere: a photo must not be there without it.
        files.save([(receipt, output)], contents, private=(True, False))
        paths = str(source.path), str(output), str(receipt)
        return records.of_protecting(made.outcome, paths, (len(data), len(made.image)))


@cache
def _client(address: str, ca: bytes | None) -> Client:
    """One connection for all photos of a worker's process."""
    return Client(address, ca)


def _set_aside(receipt: Path) -> None:
    """Makes room where a receipt lies without its photo. Most likely a worker was killed between the two; but the photo
    may also have been moved away, and would need it, so it is renamed and not removed."""
    if os.path.lexists(receipt):
        receipt.rename(receipt.with_name(f"{receipt.stem}.{secrets.token_hex(4)}.receipt"))
