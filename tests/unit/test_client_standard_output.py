"""Commands whose output nobody reads to the end, or that goes where not every letter can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit import client_fake
from tests.unit.client_fake import Fake


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    places = {"SRAE_KEYS": "keys.json", "SRAE_LEDGER": "ledger.sqlite3", "HOME": "", "XDG_CONFIG_HOME": "config"}
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return usual | {name: str(tmp_path / place) for name, place in places.items()}


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    with client_fake.running(tmp_path) as fake:
        yield fake


@pytest.mark.parametrize(
    "command",
    [
        ("srae_client", "ledger", "list", "--json"),
        ("srae_client", "ledger", "list"),
        ("srae_client", "keys", "show"),
        ("srae_client", "protect", "none.png", "--json"),
        ("srae_client", "--help"),
        ("srae_host", "doctor", "--json"),
        ("srae_client.bulk", "--help"),
    ],
)
def test_a_reader_that_goes_away_gets_no_traceback(command: tuple[str, ...], env: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = subprocess.run([sys.executable, "-m", *command], stdout=writer, stderr=subprocess.PIPE, env=env)
    finally:
        os.close(writer)
    assert ran.returncode == 1
    assert b"Traceback" not in ran.stderr
    assert b"BrokenPipeError" not in ran.stderr


def test_an_arrow_that_cannot_be_written_is_another(tmp_path: Path, env: dict[str, str], fake: Fake) -> None:
    photo = tmp_path / "gr\N{GREEK SMALL LETTER ALPHA}y.png"
    photo.write_bytes(b"photo")
    command = [sys.executable, "-m", "srae_client", "protect", str(photo), "--endpoint", fake.address]
    ran = subprocess.run(command, capture_output=True, env=env | {"PYTHONIOENCODING": "latin-1"})
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"tabby 75% -> toaster 50%" in ran.stdout
    assert b"gr?y-edited.png" in ran.stdout


@pytest.mark.parametrize("action", [("keys", "export"), ("ledger", "export")])
def test_a_name_that_is_no_text_is_shown(action: tuple[str, ...], tmp_path: Path, env: dict[str, str]) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9"
    ran = subprocess.run(
        [sys.executable, "-m", "srae_client", *action, name], capture_output=True, env=env | {"PYTHONUTF8": "1"}
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "caf\N{REPLACEMENT CHARACTER}".encode() in ran.stdout
    assert Path(os.fsdecode(name)).exists()


@pytest.mark.parametrize(
    "command",
    [("srae_client", "keys", "show"), ("srae_client", "protect", "none.png", "--json"), ("srae_client", "--help")],
)
def test_a_full_disk_behind_the_output_gets_a_sentence(command: tuple[str, ...], env: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([sys.executable, "-m", *command], stdout=full, stderr=subprocess.PIPE, env=env)
    assert ran.returncode == 1
    assert b"The output cannot be written: No space left on device." in ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_done_without(closed: str, tmp_path: Path, env: dict[str, str], fake: Fake) -> None:
    photo = tmp_path / "cat.png"
    photo.write_bytes(b"photo")
    line = f'"{sys.executable}" -m srae_client protect "{photo}" --endpoint {fake.address} {closed}'
    ran = subprocess.run(["sh", "-c", line], capture_output=True, env=env)
    assert (ran.returncode, ran.stderr) == (0, b"")
    line = f'"{sys.executable}" -m srae_client restore "{tmp_path}/cat-edited.png" --endpoint {fake.address} {closed}'
    ran = subprocess.run(["sh", "-c", line], capture_output=True, env=env)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert (tmp_path / "cat-edited-original.png").read_bytes() == b"photo"


def test_a_name_does_not_move_the_cursor(tmp_path: Path, env: dict[str, str], fake: Fake) -> None:
    photo = tmp_path / "\x1b[31mred.png"
    photo.write_bytes(b"photo")
    command = [sys.executable, "-m", "srae_client", "protect", str(photo), "--endpoint", fake.address]
    ran = subprocess.run(command, capture_output=True, env=env)
    assert ran.returncode == 0
    assert b"\x1b" not in ran.stdout
