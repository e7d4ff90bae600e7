"""The owner's keys: the public one seals receipts and can be given to friends, the private one opens them.

A key file (0600) holds one pair or several: the first seals, all of them open. The private halves may be under a
passphrase; sealing needs none.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import platformdirs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from srae_client import files, key_errors
from srae_client.errors import LocalReason, SraeClientError
from srae_client.key_errors import KeysDamagedError

#: Names another file than the usual one.
ENVIRONMENT = "SRAE_KEYS"
FORMAT = "SRAE keys 1"
_PREFIX = "srae-key-1-"
_KEY_BYTES, _CHECK_BYTES, _SALT_BYTES, _NONCE_BYTES = 32, 4, 16, 12
#: RFC 9106, section 4, second choice: three passes over 64 MiB.
_ITERATIONS, _LANES, _MEMORY_KIB = 3, 4, 64 * 1024
#: What a file may ask for, so that a foreign one cannot exhaust the computer.
_MOST_KEYS, _MOST_ITERATIONS, _MOST_LANES, _MOST_MEMORY_KIB = 64, 32, 16, 1024 * 1024
#: How long a change waits for that of another program.
_WAIT_SECONDS = 10.0

#: Asks a person for the passphrase.
Ask = Callable[[], str]


@dataclass(frozen=True)
class Lock:
    """How the private keys are kept under a passphrase (Argon2id, then ChaCha20-Poly1305)."""

    salt: bytes
    nonce: bytes
    iterations: int
    lanes: int
    memory_kib: int


@dataclass(frozen=True)
class Keyring:
    """Key pairs.

    Attributes:
        public: the public keys, 32 bytes each; the first is the one to seal with.
        secret: the private keys one after another, or what the lock makes of them.
        lock: None where there is no passphrase.
        path: the file they were read from, for what is said of them.
    """

    public: tuple[bytes, ...]
    secret: bytes = field(repr=False)
    lock: Lock | None = None
    path: Path | None = field(default=None, compare=False)

    def private(self, ask: Ask | None = None) -> list[bytes]:
        """The private keys.

        Raises:
            SraeClientError: they are under a passphrase, and nobody can be asked or it is another (KEY_LOCKED); or the
                file was damaged (KEY_UNUSABLE).
        """
        secret = self.secret if self.lock is None else _unlock(self, ask)
        keys = [secret[start : start + _KEY_BYTES] for start in range(0, len(secret), _KEY_BYTES)]
        if tuple(map(_public_of, keys)) != self.public:
            raise _damaged("its private keys do not belong to its public ones", self.path)
        return keys

    def locked(self, private: Sequence[bytes], passphrase: str) -> Keyring:
        """The same keys, or these, under a passphrase; an empty one is none."""
        public, secret = tuple(map(_public_of, private)), b"".join(private)
        if not passphrase:
            return Keyring(public, secret)
        salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
        lock = Lock(salt, nonce, _ITERATIONS, _LANES, _MEMORY_KIB)
        return Keyring(public, _cipher(lock, passphrase).encrypt(nonce, secret, _bound(public)), lock)


def new() -> Keyring:
    """A new pair, without a passphrase."""
    secret = X25519PrivateKey.generate().private_bytes_raw()
    return Keyring((_public_of(secret),), secret)


def default_path() -> Path:
    """The user's key file."""
    named = os.environ.get(ENVIRONMENT)
    return Path(named) if named else Path(platformdirs.user_config_dir("srae", appauthor=False)) / "keys.json"


def load(path: Path | None = None) -> Keyring | None:
    """The keys in a file; None where there is no file.

    Raises:
        SraeClientError: it cannot be read.
    """
    path = path or default_path()
    try:
        return parse(path.read_bytes(), path)
    except FileNotFoundError:
        if path.is_symlink():  # a disk that is not there now: new keys would be lost with this call
            raise key_errors.leads_nowhere(path) from None
        return None
    except OSError as error:
        raise key_errors.unreadable(path, error) from None


def own(path: Path | None = None) -> Keyring:
    """The user's keys, which are made where there are none.

    Raises:
        SraeClientError: they cannot be read or kept.
    """
    path = path or default_path()
    found = load(path)
    if found is not None:
        return found
    made = new()
    try:
        files.save([(path,)], (write(made),), private=(True,))
    except SraeClientError:  # another program made them just now
        found = load(path)
        if found is None:
            raise
        return found
    except OSError as error:
        raise key_errors.unwritable(path, error) from None
    return made


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """One program at a time reads a key file and replaces it: else the keys that another one added would be lost.

    Raises:
        SraeClientError: another one has not ended in ten seconds; it may wait for a passphrase.
        OSError: the file's folder cannot be made or written.
    """
    file = _itself(path)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = filelock.FileLock(file.with_name(file.name + ".lock"), timeout=_WAIT_SECONDS, mode=files.PRIVATE)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise key_errors.changed_by_another() from None
    try:
        yield
    finally:
        lock.release()


def replace(path: Path, keyring: Keyring) -> None:
    """Puts keys in the place of those in a file, whole or not at all; see :func:`changing`. A link to it stays one.

    Raises:
        OSError: they cannot be written.
    """
    path = _itself(path)
    with files.staged(path, write(keyring), files.PRIVATE) as partial:
        partial.replace(path)


def _itself(path: Path) -> Path:
    """The file that a path leads to."""
    return Path(os.path.realpath(path))


def merge(ours: Sequence[bytes], theirs: Sequence[bytes]) -> list[bytes]:
    """Private keys of both, ours first, each once."""
    return list(dict.fromkeys((*ours, *theirs)))


def to_text(public: bytes) -> str:
    """A public key to hand on, with a checksum against slips."""
    checked = public + hashlib.sha256(public).digest()[:_CHECK_BYTES]
    return _PREFIX + base64.b32encode(checked).decode("ascii").rstrip("=").lower()


def from_text(text: str) -> bytes:
    """The public key in a text.

    Raises:
        SraeClientError: it is none, or something in it was mistyped.
    """
    given = text.strip().lower()
    body = given.removeprefix(_PREFIX).upper()
    try:
        checked = base64.b32decode(body + "=" * (-len(body) % 8))
    except ValueError:
        checked = b""
    public = checked[:_KEY_BYTES]
    if not given.startswith(_PREFIX) or len(checked) != _KEY_BYTES + _CHECK_BYTES or to_text(public) != given:
        raise SraeClientError(
            LocalReason.KEY_INVALID,
            f"This is no public key, or a letter of it is wrong. `srae keys show` prints one: {_PREFIX}...",
        )
    return public


def write(keyring: Keyring) -> bytes:
    """A key file's content.

    Raises:
        SraeClientError: there are more keys than a file is read with.
    """
    if len(keyring.public) > _MOST_KEYS:
        raise key_errors.too_many(len(keyring.public), _MOST_KEYS)
    lock = keyring.lock
    public = [to_text(key) for key in keyring.public]
    held: dict[str, Any] = {"format": FORMAT, "public": public, "secret": _base64(keyring.secret)}
    if lock is not None:
        kdf = {"iterations": lock.iterations, "lanes": lock.lanes, "memory_kib": lock.memory_kib}
        held["lock"] = {"kdf": "argon2id", "salt": _base64(lock.salt), "nonce": _base64(lock.nonce), **kdf}
    return (json.dumps(held, indent=2) + "\n").encode("ascii")


def parse(data: bytes, path: Path | None = None) -> Keyring:
    """The keys in a key file's content. ``path``: the file's, for what is said of it.

    Raises:
        KeysDamagedError: it is none, or damaged.
    """
    try:
        held = json.loads(data)
        if held["format"] != FORMAT or not 0 < len(held["public"]) <= _MOST_KEYS:
            raise ValueError
        public = tuple(map(from_text, held["public"]))
        secret = base64.b64decode(held["secret"], validate=True)
        lock = _lock(held["lock"]) if "lock" in held else None
        if len(secret) != _KEY_BYTES * len(public) + (16 if lock else 0):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SraeClientError):
        raise _damaged("it is no key file, or it is damaged", path) from None
    return Keyring(public, secret, lock, path)


def _lock(held: dict[str, Any]) -> Lock:
    salt, nonce = (base64.b64decode(held[name], validate=True) for name in ("salt", "nonce"))
    lock = Lock(salt, nonce, held["iterations"], held["lanes"], held["memory_kib"])
    numbers = (lock.iterations, _MOST_ITERATIONS), (lock.lanes, _MOST_LANES), (lock.memory_kib, _MOST_MEMORY_KIB)
    if held["kdf"] != "argon2id" or not all(type(value) is int and 0 < value <= most for value, most in numbers):
        raise ValueError
    if len(salt) != _SALT_BYTES or len(nonce) != _NONCE_BYTES or lock.memory_kib < 8 * lock.lanes:
        raise ValueError
    return lock


def _unlock(keyring: Keyring, ask: Ask | None) -> bytes:
    if keyring.lock is None or ask is None:
        raise key_errors.nobody_to_ask()
    try:
        cipher = _cipher(keyring.lock, ask())
        return cipher.decrypt(keyring.lock.nonce, keyring.secret, _bound(keyring.public))
    except InvalidTag:
        raise key_errors.other_passphrase(keyring.path, _is_own(keyring.path)) from None


def _cipher(lock: Lock, passphrase: str) -> ChaCha20Poly1305:
    derive = Argon2id(
        salt=lock.salt, length=32, iterations=lock.iterations, lanes=lock.lanes, memory_cost=lock.memory_kib
    )
    return ChaCha20Poly1305(derive.derive(passphrase.encode("utf-8", "surrogateescape")))


def _bound(public: Sequence[bytes]) -> bytes:
    """What the passphrase vouches for besides the private keys."""
    return FORMAT.encode("ascii") + b"".join(public)


def _public_of(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _damaged(what: str, path: Path | None) -> KeysDamagedError:
    return KeysDamagedError(what, path, _is_own(path))


def _is_own(path: Path | None) -> bool:
    """Whether a file is the user's key file, and not a copy of one."""
    return path is not None and path == default_path()
