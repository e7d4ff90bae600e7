"""The native host as the browser runs it: a process, frames on its pipes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

ORIGIN = "chrome-extension://ojmbpmiebdaininhleljkmghomdficil/"
HELLO = {"protocol": {"min": 1, "max": 1}, "client": "test"}
#: How long a frame may take; the service's start is among what is waited for.
PATIENCE = 240


def environment(folder: Path, **more: str) -> dict[str, str]:
    """One in which nothing of this computer's user is read or written."""
    places = {"HOME": folder, "XDG_CONFIG_HOME": folder / "config", "XDG_DATA_HOME": folder / "data"}
    own = {name: str(place) for name, place in places.items()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SRAE_", "XDG_"))}
    entries = [str(Path(entry).resolve()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {**inherited, **own, "XDG_RUNTIME_DIR": str(folder), "PYTHONPATH": os.pathsep.join(entries), **more}


def described(data: bytes, name: str = "cat.png", mime_type: str = "image/png") -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {"name": name, "mime_type": mime_type, "size_bytes": len(data), "sha256": digest}


class Host:
    """A host process. Frames that come are kept in order, progress apart."""

    def __init__(self, env: Mapping[str, str], *arguments: str) -> None:
        command = (sys.executable, "-m", "srae_host", *(arguments or (ORIGIN,)))
        self.env, pipe = dict(env), subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=self.env)
        self.stages: list[tuple[str, str]] = []
        self.errors = b""
        self._frames: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._threads = [threading.Thread(target=work) for work in (self._read_frames, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def _read_frames(self) -> None:
        assert self.process.stdout is not None
        while len(header := self.process.stdout.read(4)) == 4:
            self._frames.put(json.loads(self.process.stdout.read(struct.unpack("=I", header)[0])))
        assert header == b""
        self._frames.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, **message: Any) -> None:
        text = json.dumps(message).encode()
        self.write(struct.pack("=I", len(text)) + text)

    def frame(self, patience: float = PATIENCE) -> dict[str, Any] | None:
        """The next frame that is no progress; None at the end of the stream."""
        while (frame := self._frames.get(timeout=patience)) is not None and frame["type"] == "progress":
            self.stages.append((frame["id"], frame["stage"]))
        return frame

    def begin(self, action: str, identity: str = "a", files: Mapping[str, bytes] | None = None, **params: Any) -> None:
        """Sends a request and its files."""
        given = files or {}
        about = {role: described(data) for role, data in given.items()}
        self.send(type="request", id=identity, action=action, params=params, files=about)
        for role, data in given.items():
            for number, start in enumerate(range(0, len(data), 200_000)):
                piece = base64.b64encode(data[start : start + 200_000]).decode()
                self.send(type="chunk", id=identity, file=role, seq=number, data=piece)

    def end(self, identity: str = "a") -> tuple[dict[str, Any], dict[str, bytes]]:
        """The request's final frame and its files, checked. Requests are awaited one at a time here."""
        files: dict[str, bytes] = {}
        while (frame := self.frame()) is not None and frame["type"] == "chunk":
            assert frame["id"] == identity
            files[frame["file"]] = files.get(frame["file"], b"") + base64.b64decode(frame["data"])
        assert frame is not None
        assert frame["id"] == identity, frame
        for role, about in frame.get("files", {}).items():
            data = files[role]
            assert (about["size_bytes"], about["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        return frame, files

    def ask(self, action: str, files: Mapping[str, bytes] | None = None, **params: Any) -> dict[str, Any]:
        """A request's result, which must be one."""
        self.begin(action, files=files, **params)
        frame, _ = self.end()
        assert frame["type"] == "result", frame
        return dict(frame["result"])

    def close(self) -> int:
        """Closes the browser's end, as a browser that goes; the exit status."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # what it never read is thrown away
            self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.close()
