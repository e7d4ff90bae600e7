"""Where the server listens: a Unix socket, loopback, or, with TLS alone, anywhere else."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

_TCP = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})")
#: The kernel's limit on a Unix socket's path, less its final zero.
_MAX_PATH_BYTES = 107


class AddressError(ValueError):
    """The server cannot listen there. The sentence says why, and what to do."""


@dataclass(frozen=True)
class Address:
    """A Unix socket's path, or a host and a port (0: one that is free)."""

    path: Path | None = None
    host: str = ""
    port: int = 0

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine reaches it. Names count as not: what they resolve to can change."""
        if self.path is not None:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """As gRPC spells it."""
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Address:
    """The address in ``unix:/path``, ``127.0.0.1:PORT``, ``localhost:PORT`` or ``[::1]:PORT``.

    Raises:
        AddressError: it is none.
    """
    if text.startswith("unix:"):
        return _unix(Path(text.removeprefix("unix:")))
    match = _TCP.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise AddressError(f"{text!r} is not an address. Write unix:/path, 127.0.0.1:PORT or [::1]:PORT.")
    # Bound as a number: a hosts file that points localhost elsewhere must not open the service to it.
    host = "127.0.0.1" if match["host"] == "localhost" else match["v6"] or match["host"]
    return Address(host=host, port=int(match["port"]))


def _unix(path: Path) -> Address:
    if not path.is_absolute():
        raise AddressError("A Unix socket needs an absolute path, such as unix:/run/user/1000/srae.sock.")
    if "%" in str(path) or "\0" in str(path):
        raise AddressError("A Unix socket's path cannot hold %, which gRPC takes for an escape. Choose another path.")
    if len(bytes(path)) > _MAX_PATH_BYTES:
        raise AddressError(f"The socket's path is longer than {_MAX_PATH_BYTES} bytes. Choose a shorter one.")
    return Address(path=path)
