"""Key files: private, whole, under a passphrase where wanted; public keys that survive being typed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from srae_client import keys
from srae_client.errors import SraeClientError


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deriving a key takes a quarter of a second on purpose; here it need not."""
    monkeypatch.setattr(keys, "_MEMORY_KIB", 64)
    monkeypatch.setattr(keys, "_ITERATIONS", 1)


def test_a_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "keys.json"
    made = keys.own(path)
    assert keys.own(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.load(tmp_path / "none") is None


@given(st.binary(min_size=32, max_size=32))
def test_a_public_key_survives_being_written_down(public: bytes) -> None:
    text = keys.to_text(public)
    assert text.startswith("srae-key-1-")
    assert keys.from_text(f" {text.upper()}\n") == public


@given(st.binary(min_size=32, max_size=32), st.data())
def test_a_slip_of_one_letter_is_noticed(public: bytes, data: st.DataObject) -> None:
    text = keys.to_text(public)
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("abcxyz2345671").filter(lambda one: one != text[place]))
    with pytest.raises(SraeClientError, match="no public key") as refusal:
        keys.from_text(text[:place] + letter + text[place + 1 :])
    assert refusal.value.reason == "KEY_INVALID"


@pytest.mark.parametrize("text", ["", "srae-key-1-", "srae-key-1-a", "ä", "srae-key-1-" + "a" * 58])
def test_what_is_no_public_key(text: str) -> None:
    with pytest.raises(SraeClientError):
        keys.from_text(text)


def test_a_passphrase(tmp_path: Path) -> None:
    plain = keys.new()
    private = plain.private()
    locked = keys.parse(keys.write(plain.locked(private, "open sesame")))
    assert locked.public == plain.public, "sealing needs no passphrase"
    assert private[0] not in locked.secret
    assert locked.private(lambda: "open sesame") == private
    for ask in (None, lambda: "open barley", lambda: ""):
        with pytest.raises(SraeClientError) as refusal:
            locked.private(ask)
        assert refusal.value.reason == "KEY_LOCKED"
        assert "barley" not in refusal.value.message
    assert locked.locked(private, "").private() == private


def test_public_keys_cannot_be_exchanged_in_the_file() -> None:
    """Receipts would then be sealed for somebody else."""
    mine, other = keys.new(), keys.new()
    for keyring in (mine, mine.locked(mine.private(), "x")):
        held = json.loads(keys.write(keyring))
        held["public"] = [keys.to_text(other.public[0])]
        with pytest.raises(SraeClientError):
            keys.parse(json.dumps(held).encode()).private(lambda: "x")


def test_keys_of_two_computers() -> None:
    ours, theirs = keys.new().private(), keys.new().private()
    assert keys.merge(ours, [*theirs, *ours]) == [*ours, *theirs]


def _changed(**changes: object) -> bytes:
    held = json.loads(keys.write(keys.new().locked(keys.new().private(), "x")))
    held["lock"] |= {name: value for name, value in changes.items() if name in held["lock"]}
    return json.dumps(held | {name: value for name, value in changes.items() if name not in held["lock"]}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        _changed(format="SRAE keys 9"),
        _changed(public=[]),
        _changed(public=["srae-key-1-x"]),
        _changed(public=7),
        _changed(secret="AAAA"),
        _changed(secret="*"),
        _changed(memory_kib=2**31),
        _changed(iterations=0),
        _changed(lanes=True),
        _changed(kdf="md5"),
        _changed(salt=""),
        b"[" * 100_000,
    ],
)
def test_what_is_no_key_file(content: bytes) -> None:
    with pytest.raises(SraeClientError, match="key file cannot be used") as refusal:
        keys.parse(content)
    assert refusal.value.reason == "KEY_UNUSABLE"


def test_more_keys_than_can_be_read_again_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    privates = [bytes([number]) * 32 for number in range(1, 66)]
    keys.replace(path, keys.new().locked(privates[:64], ""))
    full = path.read_bytes()

    with pytest.raises(SraeClientError, match="at most 64 keys"):
        keys.replace(path, keys.new().locked(privates, ""))

    assert path.read_bytes() == full
    kept = keys.load(path)
    assert kept is not None
    assert len(kept.public) == 64


def test_replacing_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    before, after = keys.own(path), keys.new()
    keys.replace(path, after)
    assert keys.load(path) == after != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]
