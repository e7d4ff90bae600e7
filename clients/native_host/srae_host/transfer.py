"""Files in chunks, both ways (PROTOCOL.md, section 2): described with size and SHA-256, and checked against that."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from srae_host.errors import Code, HostError
from srae_host.limits import Limits


@dataclass(frozen=True)
class Description:
    """What is known of a file before its bytes: ``sha256`` is 64 hex digits in lower case."""

    name: str
    mime_type: str
    size_bytes: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """As frames have it."""
        return asdict(self)


@dataclass(frozen=True)
class File:
    """A file and its description's other half."""

    name: str
    mime_type: str
    data: bytes

    def described(self) -> Description:
        """Its description."""
        return Description(self.name, self.mime_type, len(self.data), hashlib.sha256(self.data).hexdigest())


class Incoming:
    """A file on its way in."""

    def __init__(self, description: Description, limits: Limits) -> None:
        self._description = description
        self._limits = limits
        self._chunks: list[bytes] = []
        self._received = 0
        self._hash = hashlib.sha256()

    @property
    def is_complete(self) -> bool:
        """Whether all bytes have come, and are the ones that were described."""
        return self._received == self._description.size_bytes

    def add(self, frame: Mapping[str, Any]) -> None:
        """Takes the file's next chunk.

        Raises:
            HostError: it is out of order or malformed, or the file is not the one that was described.
        """
        data = self._data(frame)
        self._received += len(data)
        name, announced = self._description.name, self._description.size_bytes
        if self._received > announced:
            raise HostError(Code.FILE_SIZE_MISMATCH, f"{name} has more than the {announced} bytes that were announced.")
        self._chunks.append(data)
        self._hash.update(data)
        if self.is_complete and self._hash.hexdigest() != self._description.sha256:
            raise HostError(Code.FILE_HASH_MISMATCH, f"{name} arrived with other bytes than were announced.")

    def file(self) -> File:
        """The file, once it is complete."""
        return File(self._description.name, self._description.mime_type, b"".join(self._chunks))

    def _data(self, frame: Mapping[str, Any]) -> bytes:
        number, data = frame.get("seq"), frame.get("data")
        if type(number) is not int or not isinstance(data, str):
            raise HostError(Code.CHUNK_INVALID, "A chunk lacks its number or its data.")
        if number != len(self._chunks):
            raise HostError(Code.CHUNK_OUT_OF_ORDER, f"Chunk {len(self._chunks)} was due, and {number} came.")
        try:
            decoded = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise HostError(Code.CHUNK_INVALID, f"Chunk {number} is not base64.") from None
        if not 0 < len(decoded) <= self._limits.chunk_bytes:
            most = self._limits.chunk_bytes
            raise HostError(Code.CHUNK_INVALID, f"A chunk has 1 to {most} bytes, and {number} has {len(decoded)}.")
        return decoded


def chunks(data: bytes, chunk_bytes: int) -> Iterator[bytes]:
    """The file's bytes in pieces of this size, the last one smaller."""
    return (data[start : start + chunk_bytes] for start in range(0, len(data), chunk_bytes))


def chunk_frame(request: str, role: str, number: int, data: bytes) -> dict[str, Any]:
    """A piece of a file as a message."""
    text = base64.b64encode(data).decode("ascii")
    return {"type": "chunk", "id": request, "file": role, "seq": number, "data": text}
