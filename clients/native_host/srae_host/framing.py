"""Frames of native messaging: four bytes of length, then one JSON object (PROTOCOL.md, section 1).

Knows nothing of where the bytes come from or go to.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from srae_host.errors import Code, HostError

#: The longest JSON of a frame. Browsers end the connection of a host that sends one byte more.
FRAME_BYTES = 1_048_576
_LENGTH = struct.Struct("=I")


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as a frame.

    Raises:
        ValueError: it is too long, or JSON cannot say it.
    """
    # ASCII alone: what JSON escapes can be written whatever it is, a lone surrogate of a page's file name too.
    text = json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii")
    if len(text) > FRAME_BYTES:
        raise ValueError(f"a frame holds at most {FRAME_BYTES} bytes, and this one has {len(text)}")
    return _LENGTH.pack(len(text)) + text


def require_framable(message: Mapping[str, Any]) -> None:
    """Raises HostError where a message cannot be sent: an echo's answer can be longer than its question was."""
    try:
        encode(message)
    except (ValueError, RecursionError):
        raise HostError(Code.INVALID_REQUEST, "The answer does not fit into a frame.") from None


def decode(text: bytes) -> dict[str, Any]:
    """The message in a frame's JSON.

    Raises:
        HostError: it is no JSON object in UTF-8.
    """
    try:
        message = json.loads(text.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise HostError(Code.MALFORMED_FRAME, "A frame is not JSON in UTF-8.") from None
    if not isinstance(message, dict):
        raise HostError(Code.MALFORMED_FRAME, "A frame's JSON is not an object.")
    return message


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON, though Python reads it")


class Splitter:
    """Cuts a stream, which arrives in any pieces, into the JSON of its frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Takes the stream's next piece, and gives the JSON of each frame that is complete.

        Raises:
            HostError: a frame is too long. The stream cannot be followed from there on.
        """
        self._bytes += piece
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            if length > FRAME_BYTES:
                raise HostError(
                    Code.FRAME_TOO_LARGE, f"A frame holds at most {FRAME_BYTES} bytes, and {length} were announced."
                )
            end = _LENGTH.size + length
            if len(self._bytes) < end:
                return
            text = bytes(self._bytes[_LENGTH.size : end])
            del self._bytes[:end]
            yield text
