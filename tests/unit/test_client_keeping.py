"""``srae keys``, ``srae ledger`` and ``srae share``; and what protect and restore do with keys and ledger."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from srae_client import bookkeeping, keys, main, receipts
from srae_client.key_holder import KeyHolder
from srae_client.ledger import Ledger

from tests.unit import client_fake
from tests.unit.client_fake import Fake


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's own keys and ledger, and a folder to work in."""
    monkeypatch.setenv("SRAE_KEYS", str(tmp_path / "mine" / "keys.json"))
    monkeypatch.setenv("SRAE_LEDGER", str(tmp_path / "mine" / "ledger.sqlite3"))
    monkeypatch.setattr(keys, "_MEMORY_KIB", 64)
    monkeypatch.setattr(keys, "_ITERATIONS", 1)
    folder = tmp_path / "photos"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return tmp_path


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    with client_fake.running(tmp_path) as fake:
        monkeypatch.setenv("SRAE_ENDPOINT", fake.address)
        yield fake


def become(person: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, somebody else is at the computer."""
    monkeypatch.setenv("SRAE_KEYS", str(place / person / "keys.json"))
    monkeypatch.setenv("SRAE_LEDGER", str(place / person / "ledger.sqlite3"))


def output(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    capsys.readouterr()
    assert main.main(list(arguments)) == status
    told = capsys.readouterr()
    return told.out if status == 0 else told.err


def photo(name: str = "cat.png", content: bytes = b"photo") -> None:
    Path(name).write_bytes(content)


def test_protect_seals_the_receipt_and_notes_the_photo(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photo()
    output(capsys, "protect", "cat.png")
    file = Path("cat-edited.png.receipt")
    assert file.read_bytes().startswith(b"SRAE receipt 2\n")
    assert client_fake.receipt().original_sha256 not in file.read_bytes()
    (entry,) = Ledger().entries()
    assert (entry.file_name, entry.page_origin, entry.tier) == ("cat-edited.png", "", "sealed")
    assert entry.receipt == file.read_bytes()
    assert receipts.unpack(entry.receipt, KeyHolder()) == client_fake.receipt()


def test_restore_finds_the_receipt_in_the_ledger(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photo()
    output(capsys, "protect", "cat.png")
    Path("cat-edited.png.receipt").unlink()
    Path("cat-edited.png").rename("renamed.png")
    told = json.loads(output(capsys, "restore", "renamed.png", "--json"))["results"][0]
    assert (told["verified"], told["receipt"], told["entry"]) == (True, None, Ledger().entries()[0].id)
    assert fake.options[-1].receipt == client_fake.receipt()
    assert "NO_RECEIPT" in output(capsys, "restore", "renamed.png", "--no-ledger", status=1)


def test_restore_says_what_is_wrong_with_the_ledgers_receipt(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo()
    output(capsys, "protect", "cat.png")
    Path("cat-edited.png.receipt").unlink()
    (entry,) = Ledger().entries()
    Ledger().forget([entry.id])
    Ledger().add([replace(entry, receipt=entry.receipt[:-1])])
    refusal = output(capsys, "restore", "cat-edited.png", status=1)
    assert "RECEIPT_UNREADABLE" in refusal
    assert f"srae ledger forget {entry.id}" in refusal
    Ledger().forget([entry.id])
    Ledger().add([entry])
    monkeypatch.setenv("SRAE_NEW_PASSPHRASE", "open sesame")
    output(capsys, "keys", "passphrase")
    assert "KEY_LOCKED" in output(capsys, "restore", "cat-edited.png", status=1)
    assert not list(Path().glob("*-original*"))


def test_a_photo_that_restores_from_itself_needs_none_of_the_ledgers_receipts(
    fake: Fake, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo()
    output(capsys, "protect", "cat.png")
    (entry,) = Ledger().entries()
    photo("carrying.png", client_fake.CARRYING)
    digest = hashlib.sha256(client_fake.CARRYING).hexdigest()
    become("elsewhere", place, monkeypatch)
    Ledger().add([replace(entry, protected_sha256=digest)])
    told = json.loads(output(capsys, "restore", "carrying.png", "--json"))["results"][0]
    assert (told["verified"], told["entry"]) == (True, None)


def test_a_receipt_that_is_a_look_alikes_is_no_reason(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo()
    output(capsys, "protect", "cat.png")
    photo("other.png", client_fake.OTHER)
    monkeypatch.setattr(bookkeeping.fingerprint, "of_file", lambda _: 0)
    (entry,) = Ledger().entries()
    Ledger().forget([entry.id])
    Ledger().add([replace(entry, perceptual_hash="0" * 16)])
    assert "NOT_IN_LEDGER" in output(capsys, "restore", "other.png", status=1)
    assert [sent.HasField("receipt") for sent in fake.options[1:]] == [True, False]


def test_a_name_that_no_browser_would_give_can_be_exported_and_imported(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    photo("a\\b\nc.png")
    output(capsys, "protect", "a\\b\nc.png")
    output(capsys, "ledger", "export", "ledger.txt")
    assert output(capsys, "ledger", "import", "ledger.txt") == "added: 0, known already: 1\n"


def test_without_the_ledger_nothing_is_noted(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photo()
    output(capsys, "protect", "cat.png", "--no-ledger")
    assert not Ledger().path.exists()
    assert Path("cat-edited.png.receipt").exists()


def test_a_ledger_that_cannot_be_used_costs_no_photo(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photo()
    Ledger().path.parent.mkdir()
    Ledger().path.write_bytes(b"no database" * 100)
    assert main.main(["protect", "cat.png"]) == 0
    shown = capsys.readouterr()
    assert "not noted in the ledger" in shown.err
    assert "which are in the ledger too" not in shown.out
    assert Path("cat-edited.png").exists()
    assert Path("cat-edited.png.receipt").exists()


def test_a_friend_can_restore_and_a_stranger_cannot(
    fake: Fake, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    become("friend", place, monkeypatch)
    friend = output(capsys, "keys", "show").split()[0]
    become("mine", place, monkeypatch)
    photo()
    output(capsys, "protect", "cat.png", "--to", friend)
    become("friend", place, monkeypatch)
    told = json.loads(output(capsys, "restore", "cat-edited.png", "--json"))["results"][0]
    assert told["verified"] is True
    become("stranger", place, monkeypatch)
    sent = len(fake.options)
    assert main.main(["restore", "cat-edited.png", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["results"][0]
    assert told["reason"] == "RECEIPT_NOT_YOURS"
    assert [options.HasField("receipt") for options in fake.options[sent:]] == [False]  # it may restore from itself


def test_a_receipt_is_shared_later_as_a_file_or_as_text(
    fake: Fake, place: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    become("friend", place, monkeypatch)
    friend = keys.to_text(keys.own().public[0])
    become("mine", place, monkeypatch)
    photo()
    assert main.main(["protect", "cat.png"]) == 0
    assert main.main(["share", "cat-edited.png", "--to", friend, "-o", "for-friend.receipt"]) == 0
    assert b"with 2 keys, yours included" in capsysbinary.readouterr().out
    own = keys.to_text(keys.own().public[0])
    assert main.main(["share", "cat-edited.png", "--to", own, "-o", "for-me.receipt"]) == 0
    assert b"with your key alone" in capsysbinary.readouterr().out
    assert main.main(["share", "cat-edited.png.receipt", "--to", friend, "--text"]) == 0
    Path("letter.txt").write_bytes(capsysbinary.readouterr().out)
    Path("cat-edited.png.receipt").unlink()
    assert main.main(["share", "cat-edited.png", "-o", "from-ledger.receipt"]) == 0
    become("friend", place, monkeypatch)
    for name in ("for-friend.receipt", "letter.txt"):
        assert receipts.read(Path(name)) == client_fake.receipt()
        assert main.main(["restore", "cat-edited.png", "--receipt", name, "-o", f"{name}.png"]) == 0
    assert stat.S_IMODE(Path("for-friend.receipt").stat().st_mode) == 0o600
    become("mine", place, monkeypatch)
    assert receipts.read(Path("from-ledger.receipt")) == client_fake.receipt()


def test_a_look_alikes_receipt_is_not_given_away(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo()
    output(capsys, "protect", "cat.png")
    photo("other.png", b"other")
    monkeypatch.setattr(bookkeeping.fingerprint, "of_file", lambda _: 0)
    assert "NOT_IN_LEDGER" in output(capsys, "share", "other.png", "-o", "x.receipt", status=1)


def test_sharing_a_receipt_that_is_damaged_in_the_ledger(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photo()
    output(capsys, "protect", "cat.png")
    Path("cat-edited.png.receipt").unlink()
    (entry,) = Ledger().entries()
    Ledger().forget([entry.id])
    Ledger().add([replace(entry, receipt=b"damaged")])
    refusal = output(capsys, "share", "cat-edited.png", "-o", "x.receipt", status=1)
    assert "[RECEIPT_UNREADABLE]" in refusal
    assert f"srae ledger forget {entry.id}" in refusal


def test_a_slip_in_a_friends_key_is_noticed_before_anything_is_sent(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    photo()
    assert "KEY_INVALID" in output(capsys, "protect", "cat.png", "--to", "srae-key-1-abc", status=1)
    assert fake.options == []


def test_keys_and_ledger_go_to_another_computer(
    fake: Fake, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo()
    output(capsys, "protect", "cat.png")
    Path("cat-edited.png.receipt").unlink()
    output(capsys, "ledger", "export", "ledger.txt")
    output(capsys, "keys", "export", "keys.backup")
    assert {stat.S_IMODE(Path(name).stat().st_mode) for name in ("ledger.txt", "keys.backup")} == {0o600}
    assert "OUTPUT_EXISTS" in output(capsys, "keys", "export", "keys.backup", status=1)

    become("elsewhere", place, monkeypatch)
    own = output(capsys, "keys", "show").split()[0]
    assert output(capsys, "ledger", "import", "ledger.txt") == "added: 1, known already: 0\n"
    refusal = output(capsys, "restore", "cat-edited.png", status=1)
    assert "RECEIPT_NOT_YOURS" in refusal, "the ledger's receipt is sealed for a key that is not here"
    assert not Path("cat-edited-original.png").exists()
    assert "keys added: 1." in output(capsys, "keys", "import", "keys.backup")
    assert output(capsys, "keys", "show").split()[0] == own
    told = json.loads(output(capsys, "restore", "cat-edited.png", "--json"))["results"][0]
    assert told["verified"] is True
    assert "keys added: 0." in output(capsys, "keys", "import", "keys.backup")
    assert output(capsys, "ledger", "import", "ledger.txt") == "added: 0, known already: 1\n"


def test_keys_come_to_a_computer_that_had_none(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    public = output(capsys, "keys", "show").split()[0]
    output(capsys, "keys", "export", "keys.backup")
    become("elsewhere", place, monkeypatch)
    output(capsys, "keys", "import", "keys.backup")
    assert output(capsys, "keys", "show").split()[0] == public


def test_a_new_key_seals_and_the_old_one_still_opens(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photo()
    output(capsys, "protect", "cat.png")
    before = json.loads(output(capsys, "keys", "show", "--json"))
    after = output(capsys, "keys", "new").strip()
    told = json.loads(output(capsys, "keys", "show", "--json"))
    assert (told["public"], told["older"]) == (after, [before["public"]])
    assert json.loads(output(capsys, "restore", "cat-edited.png", "--json"))["results"][0]["verified"] is True


def test_a_passphrase_is_needed_to_restore_and_not_to_protect(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SRAE_NEW_PASSPHRASE", "open sesame")
    output(capsys, "keys", "passphrase")
    photo()
    output(capsys, "protect", "cat.png")
    capsys.readouterr()
    assert main.main(["restore", "cat-edited.png", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["results"][0]["reason"] == "KEY_LOCKED"
    monkeypatch.setenv("SRAE_PASSPHRASE", "open barley")
    assert "KEY_LOCKED" in output(capsys, "restore", "cat-edited.png", status=1)
    monkeypatch.setenv("SRAE_PASSPHRASE", "open sesame")
    assert json.loads(output(capsys, "restore", "cat-edited.png", "--json"))["results"][0]["verified"] is True
    output(capsys, "keys", "new")
    assert json.loads(output(capsys, "keys", "show", "--json"))["has_passphrase"] is True
    monkeypatch.setenv("SRAE_NEW_PASSPHRASE", "")
    output(capsys, "keys", "passphrase")
    monkeypatch.delenv("SRAE_PASSPHRASE")
    assert json.loads(output(capsys, "restore", "cat-edited.png", "--json"))["results"][0]["verified"] is True


def test_a_damaged_key_file_stops_protect_before_anything_is_sent(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    photo()
    keys.default_path().parent.mkdir()
    keys.default_path().write_text("{")
    assert "KEY_UNUSABLE" in output(capsys, "protect", "cat.png", status=1)
    assert fake.options == []
    assert keys.default_path().read_text() == "{", "a damaged key file is never replaced"


def test_the_ledger_is_listed_and_forgotten(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.png"):
        photo(name, name.encode())
        output(capsys, "protect", name)
    told = json.loads(output(capsys, "ledger", "list", "--json"))
    assert [entry["file_name"] for entry in told["entries"]] == ["b-edited.png", "a-edited.png"]
    assert "receipt" not in told["entries"][0]
    listed = output(capsys, "ledger", "list")
    assert "b-edited.png" in listed
    assert "2 of 2 photos" in listed
    identity = told["entries"][0]["id"]
    assert "give 8 letters of an id or more" in output(capsys, "ledger", "forget", identity[:7], status=2)
    assert "no entry" in output(capsys, "ledger", "forget", "f" * 32, status=2)
    assert output(capsys, "ledger", "forget", identity[:10]) == "forgotten: 1\n"
    assert Ledger().count() == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("keys", "import", "none"), "CANNOT_ACCESS_FILE"),
        (("keys", "import", "cat.png"), "KEY_UNUSABLE"),
        (("ledger", "import", "cat.png"), "LEDGER_FILE_INVALID"),
        (("share", "none", "-o", "x"), "NOT_FOUND"),
        (("share", "cat.png", "-o", "x"), "srae ledger import FILE"),
    ],
)
def test_files_that_are_missing_or_something_else(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photo()
    assert says in output(capsys, *arguments, status=1)


def test_what_another_computer_protected_too_is_restored_with_either_key(
    fake: Fake, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo()
    output(capsys, "protect", "cat.png", "-o", "mine.png")
    become("other", place, monkeypatch)
    output(capsys, "protect", "cat.png", "-o", "theirs.png")
    output(capsys, "ledger", "export", "theirs.ledger")
    become("mine", place, monkeypatch)
    output(capsys, "ledger", "import", "theirs.ledger")
    assert Path("mine.png").read_bytes() == Path("theirs.png").read_bytes()
    Path("mine.png.receipt").unlink()
    told = json.loads(output(capsys, "restore", "mine.png", "--json"))["results"][0]
    assert (told["verified"], told["entry"]) == (True, Ledger().entries()[-1].id)
    output(capsys, "share", "mine.png", "--text")
    Ledger().forget([Ledger().entries()[-1].id])
    assert "RECEIPT_NOT_YOURS" in output(capsys, "share", "mine.png", "--text", status=1)


def test_any_number_of_entries_may_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert "0 of 0 photos" in output(capsys, "ledger", "list", "--limit", "9" * 20)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("share", "-"), "pipes are not supported"),
        (("share", "cat.png", "-o", "-"), "for standard output leave it out"),
        (("keys", "export", "-"), "pipes are not supported"),
        (("ledger", "import", "-"), "pipes are not supported"),
    ],
)
def test_a_dash_is_no_files_name(arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main(arguments)
    assert caught.value.code == 2
    assert says in capsys.readouterr().err
    assert not Path("-").exists()
