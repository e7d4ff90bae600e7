"""Files on a stream: first the options, then chunks; and the same way back."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar

from google.protobuf.message import Message

from services.errors import InvalidRequestError, Reason

M = TypeVar("M", bound=Message)

#: The largest chunk.
CHUNK_BYTES = 64 * 1024
#: The largest unary message, which is gRPC's default on either side. Photos beyond it go through the streams.
UNARY_BYTES = 4 * 1024 * 1024
#: The largest message that is read at all, to refuse it with a reason. gRPC itself refuses what is larger still.
RECEIVED_BYTES = 2 * UNARY_BYTES
#: How long a peer may pause within a stream. One that went silent must not hold its place for ever.
STALL_SECONDS = 30.0
#: What comes in more slowly than this, beyond the first moments, holds a place that others could use; bytes a second.
_SLOWEST = 16 * 1024


async def receive(requests: AsyncIterator[Any], max_bytes: int) -> tuple[Any, dict[str, bytes]]:
    """Reads a whole stream of messages with the oneof ``part``: ``options`` once and first, then chunks.

    Returns:
        The options, and the files by the name of their chunks' field; b"" where no chunk came.

    Raises:
        InvalidRequestError: a part is missing, out of order or too large, or the stream stalled.
    """
    first = await _next(requests)
    if first is None or first.WhichOneof("part") != "options":
        raise InvalidRequestError(
            Reason.STREAM_OUT_OF_ORDER, "The stream does not begin with its options. Send them first, then the chunks."
        )
    files: defaultdict[str, bytearray] = defaultdict(bytearray)
    total, begun = 0, time.monotonic()
    while (message := await _next(requests)) is not None:
        name, chunk = _chunk(message)
        total += len(chunk)
        if total > max_bytes:
            raise InvalidRequestError(
                Reason.PAYLOAD_TOO_LARGE, f"More than {max_bytes} bytes came in. Send a smaller file.", name
            )
        if time.monotonic() - begun > STALL_SECONDS + total / _SLOWEST:
            raise InvalidRequestError(
                Reason.STREAM_OUT_OF_ORDER,
                f"The chunks come in more slowly than {_SLOWEST // 1024} KiB a second. Try again on a faster line.",
                name,
            )
        files[name] += chunk
    return first.options, defaultdict(bytes, {name: bytes(file) for name, file in files.items()})


def split(file: bytes) -> Iterator[bytes]:
    """The file in chunks."""
    return (file[start : start + CHUNK_BYTES] for start in range(0, len(file), CHUNK_BYTES))


def check_unary(message: bytes) -> None:
    """Refuses a unary request that is larger than a message may be.

    Raises:
        InvalidRequestError: it is.
    """
    if len(message) > UNARY_BYTES:
        raise InvalidRequestError(
            Reason.PAYLOAD_TOO_LARGE,
            f"The message holds {len(message)} bytes, and one may hold {UNARY_BYTES}. "
            "Make the call through this method's stream.",
        )


def fitting(response: M) -> M:
    """The unary response, where it fits in a message that every client accepts.

    Raises:
        InvalidRequestError: it does not.
    """
    if response.ByteSize() > UNARY_BYTES:
        raise InvalidRequestError(
            Reason.PAYLOAD_TOO_LARGE,
            f"The answer is larger than {UNARY_BYTES} bytes. Make the call through this method's stream.",
        )
    return response


def _chunk(message: Any) -> tuple[str, bytes]:
    name = message.WhichOneof("part")
    if name is None or name == "options":
        raise InvalidRequestError(
            Reason.STREAM_OUT_OF_ORDER, "After the options, which come once, each message must hold a chunk."
        )
    chunk: bytes = getattr(message, name)
    if len(chunk) > CHUNK_BYTES:
        raise InvalidRequestError(
            Reason.CHUNK_TOO_LARGE, f"A chunk holds {len(chunk)} bytes. Send at most {CHUNK_BYTES} in each.", name
        )
    return name, chunk


async def _next(requests: AsyncIterator[Any]) -> Any:
    """The next message; None at the end."""
    try:
        async with asyncio.timeout(STALL_SECONDS):
            return await anext(requests, None)
    except TimeoutError:
        raise InvalidRequestError(
            Reason.STREAM_OUT_OF_ORDER,
            f"No chunk came for {STALL_SECONDS:g} seconds. Send them without a pause, and then close your side.",
        ) from None
