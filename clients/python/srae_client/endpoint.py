"""Which server to call: the one that was named, the one that runs on this computer, or one started for the call.

A name can stand for several servers, over which calls are spread."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from srae_client import embedded
from srae_client.errors import LocalReason, SraeClientError

#: Begins the name of several servers.
_DNS = "dns:///"
#: What bytes of the command line become that are no text.
_NOT_TEXT = re.compile("[\ud800-\udfff]")
#: Names a server when --endpoint does not.
ENVIRONMENT = "SRAE_ENDPOINT"


@dataclass(frozen=True)
class Endpoint:
    """A server's address, and whether the way there needs TLS (everywhere but on this computer)."""

    address: str
    is_local: bool

    @property
    def is_spread(self) -> bool:
        """Whether several servers can be behind it, over which calls are spread."""
        return self.address.startswith(_DNS) or "," in self.address

    @property
    def target(self) -> str:
        """As gRPC spells it."""
        return f"ipv4:{self.address}" if "," in self.address else self.address


def parse(address: str) -> Endpoint:
    """Reads ``unix:/path``, ``host:port``, or, for several servers, ``dns:///host:port`` (all that the name resolves
    to) or ``127.0.0.1:port,127.0.0.1:port,...`` (this computer's alone: a certificate is for a name).

    Raises:
        SraeClientError: it is none.
    """
    if _NOT_TEXT.search(address):
        raise SraeClientError(LocalReason.INVALID_ENDPOINT, f"{address!r} is no endpoint: it is no valid text.")
    if "," in address:
        return _parse_several(address)
    if address.startswith(_DNS):
        host = address.removeprefix(_DNS)
        if host.startswith(("unix:", _DNS)):
            raise SraeClientError(LocalReason.INVALID_ENDPOINT, f"{address!r} is no endpoint. Give dns:///host:port.")
        return Endpoint(address, parse(host).is_local)
    if address.startswith("unix:") and len(address) > len("unix:"):
        return Endpoint(address, is_local=True)
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    is_host = bool(colon and host) and (":" not in host or bracketed) and "/" not in host
    if not is_host or not _is_port(port):
        raise SraeClientError(
            LocalReason.INVALID_ENDPOINT, f"{address!r} is no endpoint. Give host:port or unix:/path/to/socket."
        )
    return Endpoint(address, _is_loopback(host.strip("[]")))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 65536


def _parse_several(addresses: str) -> Endpoint:
    for address in addresses.split(","):
        if not parse(address).is_local or not address.startswith("127."):
            raise SraeClientError(
                LocalReason.INVALID_ENDPOINT,
                f"{address!r} cannot be one of several. Give 127.0.0.1:port for each, or dns:///host:port for all "
                "that a name resolves to.",
            )
    return Endpoint(addresses, is_local=True)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def default_socket() -> Path:
    """Where ``srae serve`` listens when it is not told otherwise."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime, "srae") if runtime else Path(tempfile.gettempdir(), f"srae-{os.getuid()}")
    return folder / "srae.sock"


def is_running(path: Path) -> bool:
    """Whether a server of this user accepts connections on a socket.

    Somebody else's socket is passed over: in a shared temporary folder, anybody can put one where ours would be.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            if path.stat().st_uid != os.getuid():
                return False
            probe.connect(str(path))
        except OSError:
            return False
    return True


@asynccontextmanager
async def resolve(address: str | None) -> AsyncIterator[str]:
    """The address to call, for as long as it is needed. A server that is started here is stopped here."""
    named = address or os.environ.get(ENVIRONMENT)
    if named:
        yield named
    elif is_running(default_socket()):
        yield f"unix:{default_socket()}"
    else:
        async with embedded.server() as own:
            yield own
