"""The file that says what became of each photo: a JSON object a line, appended to. A photo's last line counts."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from srae_client.bulk.work import DONE
from srae_client.errors import UsageError

NAME = "manifest.jsonl"


class Manifest:
    """An open manifest.

    Attributes:
        done: the photos whose last line says so.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.done: set[str] = set()
        file.seek(0)
        line = b"\n"
        for line in file:
            self._read(line)
        if not line.endswith(b"\n"):  # the job was killed while it wrote
            self.add("")

    def _read(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            photo, status = entry["photo"], entry["status"]
            if not isinstance(photo, str):
                return
        except (ValueError, TypeError, KeyError, RecursionError):  # torn, see above
            return
        if status == DONE:
            self.done.add(photo)
        else:
            self.done.discard(photo)

    def add(self, line: str) -> None:
        """Adds a line."""
        self._file.write(line.encode("ascii") + b"\n")
        self._file.flush()


@contextmanager
def opened(out: Path) -> Iterator[Manifest]:
    """The manifest of a folder, made where there is none, for one job at a time.

    Raises:
        UsageError: another job has it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / NAME).open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another job writes to {os.fspath(out)}: wait for it, or name another folder") from None
        yield Manifest(file)
