"""Binding the server to its address. A Unix socket is its user's alone from the moment it exists."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc

from services.rpc.address import Address, AddressError


@contextmanager
def bound(
    server: grpc.aio.Server,
    address: Address,
    credentials: grpc.ServerCredentials | None,
    tells_no_secrets: bool = False,
) -> Iterator[Address]:
    """Binds the server, and gives the address that it listens on, which has the actual port.

    Args:
        credentials: TLS's; None on a Unix socket or loopback alone.
        tells_no_secrets: anybody may hear what this server answers, so it needs no TLS anywhere.

    Raises:
        AddressError: it cannot be had.
    """
    if credentials is None and not address.is_local and not tells_no_secrets:
        raise AddressError(f"{address} can be reached from other machines, so it needs TLS.")
    with _private(address.path) if address.path is not None else _public():
        try:
            if credentials is None:
                port = server.add_insecure_port(str(address))
            else:
                port = server.add_secure_port(str(address), credentials)
        except RuntimeError as error:
            raise AddressError(f"Cannot listen on {address}. Is it in use, or another machine's?") from error
    if address.path is None:
        yield replace(address, port=port)
        return
    own = _identity(address.path)
    try:
        yield address
    finally:
        # gRPC removed it when the server stopped, unless it never started. Another server's may be in its place: one
        # that was started while this one's last calls ended.
        if own is not None and _identity(address.path) == own:
            address.path.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int, int] | None:
    """What no other file at this path has; None where there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns  # a number alone may be given again


@contextmanager
def _private(path: Path) -> Iterator[None]:
    """Inside, a socket can be made at the path, and is made for this user alone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # In a folder of another user's, that user could put a socket of their own in this one's place.
        if path.parent.stat().st_uid not in (0, os.getuid()):
            raise AddressError(f"{path.parent} belongs to another user. Choose a folder of your own.")
        _remove_stale(path)
    except OSError as error:
        raise AddressError(f"Cannot make the socket {path}: {error.strerror}.") from error
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _public() -> Iterator[None]:
    yield


def _remove_stale(path: Path) -> None:
    """Makes way for a new socket, unless a server answers on the old one, or it is something else."""
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_socket():
        raise AddressError(f"{path} exists and is no socket. Remove it, or choose another path.")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise AddressError(f"A server already listens on {path}. Stop it, or choose another path.")
