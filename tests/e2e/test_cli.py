"""The command ``srae`` as a person runs it: a process, real files, the real server and its models."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

SRAE = (sys.executable, "-m", "srae_client")
#: Starting, and the models' first calls, on a computer that does other things too.
PATIENCE = 240

Srae = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for the tests of this file, started by ``srae serve``."""
    address = f"unix:{tmp_path_factory.mktemp('server')}/srae.sock"
    log = (tmp_path_factory.mktemp("log") / "log").open("w")
    with log, subprocess.Popen([*SRAE, "serve", "--listen", address], stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        assert process.stdout.readline().decode().strip() == f"listening on {address}"
        yield address
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@pytest.fixture
def srae(server: str, tmp_path: Path) -> Srae:
    """Runs a command against the server, in a folder of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "SRAE_ENDPOINT": server}
        command = [*SRAE, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    return run


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run elsewhere, so relative entries of PYTHONPATH must not depend on where."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(Path(entry).resolve()) for entry in entries if entry))


def write(path: Path, pixels: Any = None) -> None:
    pixels = data.astronaut()[:200, 150:400, ::-1] if pixels is None else pixels
    assert cv2.imwrite(str(path), pixels)


def pixels(path: Path) -> Any:
    return cv2.imread(str(path))


def results(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    printed: dict[str, Any] = json.loads(done.stdout)
    return list(printed["results"])


def test_protect_then_restore_gives_the_same_pixels(srae: Srae, tmp_path: Path) -> None:
    write(tmp_path / "cat.png")
    done = srae("protect", "cat.png", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (protected,) = results(done)
    assert (protected["tier"], protected["bit_exact"], protected["restored_psnr_db"]) == ("sealed", True, None)
    assert not np.array_equal(pixels(tmp_path / "cat-edited.png"), pixels(tmp_path / "cat.png"))
    done = srae("restore", "cat-edited.png", "--json")
    (restored,) = results(done)
    assert (done.returncode, restored["verified"]) == (0, True)
    assert np.array_equal(pixels(tmp_path / "cat-edited-original.png"), pixels(tmp_path / "cat.png"))
    done = srae("evaluate", "cat.png", "cat-edited.png", "--json")
    (evaluated,) = results(done)
    assert (done.returncode, evaluated["bit_exact"], evaluated["is_protected"]) == (0, True, protected["is_protected"])


def test_one_bad_file_of_many_is_reported_and_the_others_are_done(srae: Srae, tmp_path: Path) -> None:
    (tmp_path / "album" / "deep").mkdir(parents=True)
    write(tmp_path / "album" / "a.png")
    write(tmp_path / "album" / "deep" / "c.jpg")
    (tmp_path / "album" / "b.jpg").write_bytes(b"no photo at all")
    done = srae("protect", "album", "-o", "out", "--tier", "one-pass")
    assert done.returncode == 1
    assert "b.jpg [" in done.stderr
    assert "Traceback" not in done.stderr
    assert {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")} == {
        "a-edited.png",
        "a-edited.png.receipt",
        "deep/c-edited.jpg",
        "deep/c-edited.jpg.receipt",
    }


def test_one_pass_restores_without_its_receipt_and_is_verified_by_what_it_carries(srae: Srae, tmp_path: Path) -> None:
    write(tmp_path / "cat.png")
    assert srae("protect", "cat.png", "--tier", "one-pass", "--receipt", "elsewhere.receipt").returncode == 0
    (restored,) = results(srae("restore", "cat-edited.png", "--no-ledger", "--json"))
    assert (restored["tier"], restored["verified"]) == ("one-pass", True)


def test_another_photos_receipt_is_refused(srae: Srae, tmp_path: Path) -> None:
    write(tmp_path / "cat.png")
    write(tmp_path / "dog.png", data.chelsea()[:, :, ::-1])
    assert srae("protect", "cat.png", "dog.png").returncode == 0
    done = srae("restore", "cat-edited.png", "--receipt", "dog-edited.png.receipt", "--json")
    assert done.returncode == 1
    assert results(done)[0]["reason"] == "RECEIPT_MISMATCH"
    assert not (tmp_path / "cat-edited-original.png").exists()


def test_a_refusal_comes_through_a_stream_that_is_not_read_to_its_end(tmp_path: Path) -> None:
    """The server refuses after 1000 bytes of a photo of megabytes."""
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1200, 3), np.uint8)
    write(tmp_path / "noise.png", noise)
    environment = {**os.environ, "SRAE_MAX_BYTES": "1000", "XDG_RUNTIME_DIR": str(tmp_path)}
    command = [*SRAE, "protect", "noise.png", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["results"][0]["reason"] == "PAYLOAD_TOO_LARGE"


def own_server(tmp_path: Path) -> dict[str, str]:
    """An environment in which no server runs, and what is left of one that was started would be found."""
    (tmp_path / "tmp").mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "SRAE_ENDPOINT"}
    return {**environment, "XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path / "tmp")}


def test_with_no_server_it_starts_one_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    write(tmp_path / "cat.png")
    environment = own_server(tmp_path)
    command = [*SRAE, "evaluate", "cat.png", "cat.png", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert results(done)[0]["is_protected"] is False
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    write(tmp_path / "cat.png")
    environment = own_server(tmp_path)
    command = [*SRAE, "protect", "cat.png"]
    heed = partial(signal.signal, number, signal.SIG_DFL)  # what runs in the background inherits that it is ignored
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, preexec_fn=heed) as process:
        deadline = time.monotonic() + PATIENCE
        while not list((tmp_path / "tmp").glob("*/srae.sock")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert b"interrupted" in said
    assert b"Traceback" not in said
    assert list((tmp_path / "tmp").iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} <= {"cat.png", "tmp", "cat-edited.png", "cat-edited.png.receipt"}
    assert (tmp_path / "cat-edited.png").exists() == (tmp_path / "cat-edited.png.receipt").exists()


def test_a_person_at_a_terminal_sees_a_bar_and_a_table(server: str, tmp_path: Path) -> None:
    write(tmp_path / "cat.png")
    terminal, end = pty.openpty()
    command = [*SRAE, "protect", "cat.png", "--tier", "one-pass", "--endpoint", server]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=end, stderr=end) as process:
        os.close(end)
        seen = b""
        while True:
            try:
                seen += os.read(terminal, 65536)
            except OSError:  # what Linux says once the other end is closed
                break
        assert process.wait(PATIENCE) == 0
    os.close(terminal)
    assert b"Protecting cat.png" in seen
    assert b"cat-edited.png" in seen


@pytest.mark.parametrize("arguments", [("--help",), ("protect", "--help"), ("--version",), ("serve", "--help")])
def test_help_and_version(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([*SRAE, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
