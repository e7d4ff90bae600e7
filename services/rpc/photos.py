"""Decoding what callers send, off the event loop, and telling the metrics how much it was."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from services.errors import InvalidImageError
from services.imaging import codec
from services.imaging.photo import Photo
from services.imaging.threads import in_thread


@dataclass
class Received:
    """The photos of one call."""

    images: int = 0
    pixels: int = 0


#: Of the call under way; the interceptor sets it.
received: ContextVar[Received] = ContextVar("received")


async def decoded(file: bytes, field: str = "image") -> Photo:
    """The photo in a request's field.

    Raises:
        InvalidImageError: it is none; ``field`` tells which file is at fault.
    """
    try:
        photo = await in_thread(codec.decode, file)
    except InvalidImageError as error:
        raise InvalidImageError(error.reason, str(error), field) from error
    count = received.get(None)
    if count is not None:
        count.images += 1
        count.pixels += photo.width * photo.height
    return photo
