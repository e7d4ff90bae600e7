"""Restores of a sealed photo, in process: of the file that was given out, and of what a platform made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sizes import sample

from services.evaluation.channels import Channel
from services.imaging import codec, pipeline
from services.imaging.receipt import Receipt, Tier
from services.inference.embedded import EmbeddedBackend

OWN, COPY = "its file", "a platform's copy"
#: As X makes one, but of the photo's own size, whatever that is: the most that there is to do.
_PLATFORM = Channel("", quality=85)
Restore = Callable[[bytes, Receipt], bytes]
#: A file, and the receipt that belongs to it.
Kept = tuple[bytes, Receipt]


def protected(
    size: str, file_format: str, backend: EmbeddedBackend, loop: asyncio.AbstractEventLoop
) -> dict[str, Kept]:
    """What there is to restore."""
    photo = codec.decode(sample(size, file_format).file)
    written = pipeline.write(photo, loop.run_until_complete(pipeline.find_code(photo, Tier.SEALED, backend)))
    copy = _PLATFORM(codec.decode(written.file.data).pixels)
    assert copy.file is not None
    return {OWN: (written.file.data, written.receipt), COPY: (copy.file.data, written.receipt)}


def in_process(backend: EmbeddedBackend, loop: asyncio.AbstractEventLoop) -> Restore:
    """Decode, restore, encode."""

    def restore(file: bytes, receipt: Receipt) -> bytes:
        restored = loop.run_until_complete(pipeline.restore(codec.decode(file), receipt, backend))
        return (restored.file or codec.encode(restored.photo, "image/png")).data

    return restore
