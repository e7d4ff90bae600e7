"""The ledger: what is kept, how it is found again, several programs at once, and the way to another computer."""

from __future__ import annotations

import base64
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data
from srae_client import fingerprint, ledger_file
from srae_client.errors import SraeClientError
from srae_client.ledger import Entry, Ledger, new_id, now

RECEIPT = b"SRAE receipt 2\n and what was sealed"


def entry(**changes: object) -> Entry:
    usual = Entry(
        id=new_id(),
        protected_at=now(),
        page_origin="https://example.org",
        file_name="cat.png",
        mime_type="image/png",
        tier="sealed",
        width=4,
        height=3,
        is_protected=True,
        protected_sha256="a" * 64,
        original_sha256="b" * 64,
        perceptual_hash="0" * 16,
        receipt=RECEIPT,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "folder" / "ledger.sqlite3")


def test_what_goes_in_comes_out_newest_first(ledger: Ledger) -> None:
    entries = [entry(protected_at=f"2026-01-0{day}T00:00:00.000Z", is_protected=day > 1) for day in (1, 2, 3)]
    entries[1] = replace(entries[1], perceptual_hash=None, is_protected=None)
    assert ledger.add(entries) == 3
    assert ledger.entries() == entries[::-1]
    assert ledger.entries(1, 1) == [entries[1]]
    assert (ledger.count(), ledger.get(entries[0].id), ledger.get("0" * 32)) == (3, entries[0], None)


def test_known_entries_stay_as_they_are(ledger: Ledger) -> None:
    first = entry()
    assert ledger.add([first]) == 1
    assert ledger.add([replace(first, file_name="other.png"), entry()]) == 1
    assert ledger.get(first.id) == first


def test_only_its_owner_can_read_it(ledger: Ledger) -> None:
    ledger.add([entry()])
    with sqlite3.connect(ledger.path) as held:  # so that the files beside it are there too
        held.execute("SELECT count(*) FROM entries").fetchall()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in ledger.path.parent.iterdir()}
    held.close()
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700


def test_what_is_forgotten_is_gone_from_the_disk(ledger: Ledger) -> None:
    secret, kept = entry(receipt=b"a receipt that must go" * 50), entry()
    ledger.add([secret, kept])
    assert ledger.forget([secret.id, "0" * 32]) == 1
    assert ledger.entries() == [kept]
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert all(b"must go" not in file.read_bytes() for file in ledger.path.parent.iterdir())


def test_a_file_is_found_by_its_bytes_the_newest_first(ledger: Ledger) -> None:
    old, new = entry(protected_at="2026-01-01T00:00:00.000Z"), entry(protected_at="2026-01-02T00:00:00.000Z")
    ledger.add([new, old, entry(protected_sha256="c" * 64)])
    assert ledger.find_file("a" * 64) == [new, old]
    assert ledger.find_file("d" * 64) == []


def test_look_alikes_are_found_nearest_first(ledger: Ledger) -> None:
    near, far = entry(perceptual_hash=f"{0b111:016x}"), entry(perceptual_hash=f"{(1 << 11) - 1:016x}")
    same = entry(protected_at="2026-01-01T00:00:00.000Z", perceptual_hash=f"{0b1:016x}")
    same_but_newer = replace(same, id=new_id(), protected_at="2026-01-02T00:00:00.000Z")
    ledger.add([far, near, same, same_but_newer, entry(perceptual_hash=None)])
    found = ledger.find_like(0, 8)
    assert [(match.entry.id, match.distance) for match in found] == [
        (same_but_newer.id, 1),
        (same.id, 1),
        (near.id, 3),
    ], "eleven bits are one too many"
    assert len(ledger.find_like(0, 1)) == 1


def test_several_programs_at_once(ledger: Ledger) -> None:
    """Four processes that find no ledger, make it, and write."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path\n"
        "from test_client_ledger import entry, Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for _ in range(20): ledger.add([entry()])"
    )
    command = (sys.executable, "-c", script, str(ledger.path), str(Path(__file__).parent))
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()
    assert ledger.count() == 80


@pytest.mark.parametrize("content", [b"this is no database at all" * 50, b"SQLite format 3\0" + bytes(200)])
def test_a_broken_ledger_is_told_and_left_alone(content: bytes, ledger: Ledger) -> None:
    ledger.path.parent.mkdir(parents=True)
    ledger.path.write_bytes(content)
    with pytest.raises(SraeClientError, match="cannot be used") as refusal:
        ledger.add([entry()])
    assert refusal.value.reason == "LEDGER_UNUSABLE"
    assert ledger.path.read_bytes() == content


def test_a_ledger_of_a_newer_version_is_left_alone(ledger: Ledger) -> None:
    ledger.add([entry()])
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(SraeClientError, match="newer version"):
        ledger.count()


def test_it_goes_to_another_computer(ledger: Ledger, tmp_path: Path) -> None:
    entries = [entry(file_name="Größe 📷.png"), entry(perceptual_hash=None, is_protected=None, page_origin="")]
    ledger.add(entries)
    other = Ledger(tmp_path / "other.sqlite3")
    assert other.add(ledger_file.read(ledger_file.write(ledger.entries()))) == 2
    assert sorted(other.entries(), key=lambda one: one.id) == sorted(entries, key=lambda one: one.id)


GOOD = ledger_file.write([entry()])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"a photo",
        GOOD.replace(b"ledger 1", b"ledger 9"),
        GOOD[:-40],
        GOOD.replace(b'"tier"', b'"tear"'),
        GOOD.replace(b'"sealed"', b'"best"'),
        GOOD.replace(b"cat.png", b"../cat.png"),
        GOOD.replace(b'"width": 4', b'"width": 0'),
        GOOD.replace(b'"width": 4', b'"width": true'),
        GOOD.replace(b'"is_protected": true', b'"is_protected": "yes"'),
        GOOD.replace(b'"0000000000000000"', b'"zero"'),
        GOOD.replace(base64.b64encode(RECEIPT), b""),
        GOOD.replace(base64.b64encode(RECEIPT), b"*"),
        GOOD.replace(base64.b64encode(RECEIPT), base64.b64encode(b"no receipt")),
        GOOD.replace(b"cat.png", rb"\ud800.jpg"),
        GOOD.replace(b"https://example.org", rb"\udfff"),
        GOOD + b"[]\n",
        GOOD + b"[" * 100_000,
    ],
)
def test_what_is_no_exported_ledger(content: bytes) -> None:
    assert content != GOOD
    with pytest.raises(SraeClientError) as refusal:
        ledger_file.read(content)
    assert refusal.value.reason == "LEDGER_FILE_INVALID"


@given(st.binary(max_size=200))
def test_no_bytes_make_the_import_stumble(content: bytes) -> None:
    with pytest.raises(SraeClientError):
        ledger_file.read(ledger_file.MAGIC.encode() + b"\n" + content + b"x")


def test_copies_of_a_photo_are_near_and_other_photos_are_far() -> None:
    photos = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    hashes = [_hash(photo, ".png") for photo in photos]
    for photo, own in zip(photos, hashes, strict=True):
        small = cv2.resize(photo, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
        assert fingerprint.distance(own, _hash(photo, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 70)) <= 6
        assert fingerprint.distance(own, _hash(small, ".webp", cv2.IMWRITE_WEBP_QUALITY, 75)) <= 6
    pairs = [(one, other) for place, one in enumerate(hashes) for other in hashes[:place]]
    assert min(fingerprint.distance(*pair) for pair in pairs) > fingerprint.SAME_PHOTO_BITS


def _hash(pixels: np.ndarray, ending: str, *options: int) -> int:
    found = fingerprint.of_file(bytes(cv2.imencode(ending, pixels[..., ::-1], options)[1]))
    assert found is not None
    assert fingerprint.from_text(fingerprint.to_text(found)) == found
    return found


@pytest.mark.parametrize("content", [b"", b"no photo", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_what_cannot_be_read_has_no_hash(content: bytes) -> None:
    assert fingerprint.of_file(content) is None


def test_an_entry_whose_look_was_damaged_is_passed_over(ledger: Ledger) -> None:
    whole = entry()
    ledger.add([entry(perceptual_hash="no hash"), whole])
    assert [match.entry for match in ledger.find_like(0, 8)] == [whole]


def test_of_a_damaged_ledger_it_is_told_what_to_do(ledger: Ledger) -> None:
    ledger.add([entry()])
    ledger.path.write_bytes(b"no ledger at all" * 100)
    with pytest.raises(SraeClientError, match="move it aside, and bring back what was exported") as caught:
        ledger.count()
    assert caught.value.reason == "LEDGER_UNUSABLE"
