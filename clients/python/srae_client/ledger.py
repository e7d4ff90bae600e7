"""The ledger: what this person protected, where and when, with the receipt of each; never the photo itself.

One SQLite file that several programs use at once: the command line, and a host for each browser.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from srae_client import fingerprint
from srae_client.errors import LocalReason, SraeClientError

#: Names another file than the usual one.
ENVIRONMENT = "SRAE_LEDGER"
_VERSION = 1
_BUSY_SECONDS = 15.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id TEXT PRIMARY KEY, protected_at TEXT NOT NULL, page_origin TEXT NOT NULL, file_name TEXT NOT NULL,
    mime_type TEXT NOT NULL, tier TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, is_protected INTEGER,
    protected_sha256 TEXT NOT NULL, original_sha256 TEXT NOT NULL, perceptual_hash TEXT, receipt BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS by_time ON entries (protected_at);
CREATE INDEX IF NOT EXISTS by_sha256 ON entries (protected_sha256);
"""


@dataclass(frozen=True)
class Entry:
    """One protected photo.

    Attributes:
        id: 32 hex digits, drawn at random.
        protected_at: ISO 8601, UTC.
        page_origin: the page it was protected for; empty on the command line and in private windows.
        file_name: what the protected photo is called.
        is_protected: whether every classifier's answer changed; None where none was asked.
        protected_sha256: of the protected photo's file, 64 hex digits.
        original_sha256: of the original's pixels, 64 hex digits.
        perceptual_hash: of the protected photo, 16 hex digits; None where it could not be told.
        receipt: a receipt file's content.
    """

    id: str
    protected_at: str
    page_origin: str
    file_name: str
    mime_type: str
    tier: str
    width: int
    height: int
    is_protected: bool | None
    protected_sha256: str
    original_sha256: str
    perceptual_hash: str | None
    receipt: bytes


@dataclass(frozen=True)
class Match:
    """An entry whose photo looks like another; ``distance`` is in bits of the perceptual hash, 0..64."""

    entry: Entry
    distance: int


_COLUMNS = ", ".join(field.name for field in fields(Entry))
_PLACES = ", ".join(f":{field.name}" for field in fields(Entry))


def new_id() -> str:
    """An id that no other entry has."""
    return secrets.token_hex(16)


def now() -> str:
    """The time, as entries have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def default_path() -> Path:
    """The user's ledger."""
    named = os.environ.get(ENVIRONMENT)
    return Path(named) if named else Path(platformdirs.user_data_dir("srae", appauthor=False)) / "ledger.sqlite3"


class Ledger:
    """Every method opens the file anew, so that a ledger can be used from any thread.

    Every method raises ``SraeClientError`` (LEDGER_UNUSABLE) where the file cannot be read or written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()

    def add(self, entries: Iterable[Entry]) -> int:
        """Adds the entries whose ids are not known yet, all or none, and tells how many these were."""
        rows = [asdict(entry) for entry in entries]
        with self._opened() as connection, connection:
            before = connection.total_changes
            connection.executemany(f"INSERT OR IGNORE INTO entries ({_COLUMNS}) VALUES ({_PLACES})", rows)
            return connection.total_changes - before

    def count(self) -> int:
        """How many entries there are."""
        with self._opened() as connection:
            return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])

    def entries(self, limit: int = -1, offset: int = 0) -> Sequence[Entry]:
        """Entries, newest first; all of them where ``limit`` is negative."""
        return self._select("ORDER BY protected_at DESC, rowid DESC LIMIT ? OFFSET ?", limit, offset)

    def get(self, identity: str) -> Entry | None:
        """The entry with an id."""
        return next(iter(self._select("WHERE id = ?", identity)), None)

    def find_file(self, sha256: str) -> Sequence[Entry]:
        """The entries of exactly this protected file (64 hex digits), newest first: the same photo gives the same file
        again, and another of the owner's computers may have protected it, too."""
        return self._select("WHERE protected_sha256 = ? ORDER BY protected_at DESC, rowid DESC", sha256)

    def find_like(self, perceptual_hash: int, most: int) -> Sequence[Match]:
        """At most so many entries whose photos look like this one, the nearest first, the newest first among equals."""
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT id, perceptual_hash FROM entries WHERE perceptual_hash IS NOT NULL "
                "ORDER BY protected_at DESC, rowid DESC"
            ).fetchall()
        looks = ((key, _look(text)) for key, text in rows)
        distances = ((fingerprint.distance(perceptual_hash, look), key) for key, look in looks if look is not None)
        near = sorted((pair for pair in distances if pair[0] <= fingerprint.SAME_PHOTO_BITS), key=lambda pair: pair[0])
        found = ((self.get(key), bits) for bits, key in near[:most])
        return [Match(entry, bits) for entry, bits in found if entry is not None]

    def forget(self, ids: Sequence[str]) -> int:
        """Deletes entries, and tells how many there were. Their photos cannot be restored from here any more."""
        with self._opened() as connection, connection:
            before = connection.total_changes
            connection.executemany("DELETE FROM entries WHERE id = ?", [(identity,) for identity in ids])
            return connection.total_changes - before

    def _select(self, rest: str, *values: object) -> list[Entry]:
        with self._opened() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM entries {rest}", values).fetchall()
        return [_entry(row) for row in rows]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self._create()
            with closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS)) as connection:
                _prepare(connection)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise SraeClientError(
                LocalReason.LEDGER_UNUSABLE,
                f"The ledger {self.path} cannot be used: {_explained(error)}. {_advice(error)}",
            ) from None

    def _create(self) -> None:
        """Makes the file, which only its owner may read; SQLite gives the files beside it the same permissions."""
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise sqlite3.DatabaseError("it was written by a newer version of srae; update this one")
    # Deleted receipts are overwritten, not only forgotten.
    connection.execute("PRAGMA secure_delete = ON")
    if version == 0:
        _write_ahead(connection)
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Has many read while one writes. SQLite waits for nobody here: another program may be at the same."""
    ends = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
        time.sleep(0.05)


def _entry(row: Sequence[object]) -> Entry:
    values = dict(zip((field.name for field in fields(Entry)), row, strict=True))
    if values["is_protected"] is not None:
        values["is_protected"] = bool(values["is_protected"])
    return Entry(**values)  # type: ignore[arg-type]  # the columns have the fields' types, which STRICT enforces


def _look(perceptual_hash: str) -> int | None:
    """The number that an entry has; None where it was damaged."""
    try:
        return fingerprint.from_text(perceptual_hash)
    except ValueError:
        return None


def _advice(error: Exception) -> str:
    if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "It is damaged: move it aside, and bring back what was exported: srae ledger import FILE."
    return "Check that the file may be read and written and that the disk has room."


def _explained(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
