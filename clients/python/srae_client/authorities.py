"""The certificates that are trusted in place of the system's."""

from __future__ import annotations

import ssl
from pathlib import Path

from srae_client.errors import LocalReason, SraeClientError


def read(path: Path | None) -> bytes | None:
    """A file's content, as gRPC wants it; None where none is named. gRPC says of a bad file only that calls fail.

    Raises:
        SraeClientError: no certificate is in it.
        OSError: it cannot be read.
    """
    if path is None:
        return None
    content = path.read_bytes()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise SraeClientError(
            LocalReason.INVALID_CA, f"{path} holds no certificate. Give --ca a file of certificates (PEM)."
        ) from None
    return content
