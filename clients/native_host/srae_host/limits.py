"""What the host takes on (PROTOCOL.md, section 3). ``hello`` tells the extension."""

from __future__ import annotations

from dataclasses import dataclass

from srae_host.framing import FRAME_BYTES


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds, counts."""

    frame_bytes: int = FRAME_BYTES
    chunk_bytes: int = 262_144
    file_bytes: int = 134_217_728
    #: In the files of all requests under way.
    pending_bytes: int = 268_435_456
    requests: int = 32
    #: Between two chunks of a request's files.
    chunk_seconds: float = 30
    #: From the last chunk to the final frame.
    request_seconds: float = 300
    heartbeat_seconds: float = 5
