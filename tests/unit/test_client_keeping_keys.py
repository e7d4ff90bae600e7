"""``srae keys``: what is imported stays locked, a damaged key file can be replaced, and refusals speak of the key."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from srae_client import keys, main


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's own keys, and a folder to work in; nobody at a terminal."""
    monkeypatch.setenv("SRAE_KEYS", str(tmp_path / "mine" / "keys.json"))
    monkeypatch.setattr(keys, "_MEMORY_KIB", 64)
    monkeypatch.setattr(keys, "_ITERATIONS", 1)
    for name in ("SRAE_PASSPHRASE", "SRAE_NEW_PASSPHRASE", "SRAE_IMPORT_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    capsys.readouterr()
    assert main.main(["keys", *arguments]) == status
    shown = capsys.readouterr()
    return shown.out if status == 0 else shown.err


def file_of(name: str, passphrase: str = "") -> bytes:
    """A key file of another computer; its public key."""
    made = keys.new()
    Path(name).write_bytes(keys.write(made.locked(made.private(), passphrase)))
    return made.public[0]


def own(passphrase: str = "") -> bytes:
    made = keys.own()
    keys.replace(keys.default_path(), made.locked(made.private(), passphrase))
    return made.public[0]


def opens_with(passphrase: str) -> list[bytes]:
    """The public keys of what the key file holds, which is under this passphrase."""
    found = keys.load()
    assert found is not None
    assert found.lock is not None
    assert len(found.private(lambda: passphrase)) == len(found.public)
    return list(found.public)


@pytest.mark.parametrize("is_first", [True, False])
def test_keys_that_come_under_a_passphrase_stay_under_it(
    is_first: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = [] if is_first else [own()]
    theirs = file_of("backup.json", "open sesame")
    monkeypatch.setenv("SRAE_PASSPHRASE", "open sesame")
    said = told(capsys, "import", "backup.json")
    assert "keys added: 1." in said
    assert ("all of yours have it now" in said) is not is_first
    assert opens_with("open sesame") == [*mine, theirs]


def test_each_side_has_a_passphrase_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, theirs = own("mine"), file_of("backup.json", "theirs")
    monkeypatch.setenv("SRAE_PASSPHRASE", "mine")
    refusal = told(capsys, "import", "backup.json", status=1)
    assert "key file backup.json cannot be opened" in refusal
    assert "SRAE_IMPORT_PASSPHRASE" in refusal
    monkeypatch.setenv("SRAE_IMPORT_PASSPHRASE", "theirs")
    told(capsys, "import", "backup.json")
    assert opens_with("mine") == [mine, theirs]


def test_keys_that_come_in_the_clear_get_the_passphrase_that_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, theirs = own("mine"), file_of("backup.json")
    monkeypatch.setenv("SRAE_PASSPHRASE", "mine")
    told(capsys, "import", "backup.json")
    assert opens_with("mine") == [mine, theirs]


def test_what_is_known_already_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own("open sesame")
    told(capsys, "export", "backup.json")
    monkeypatch.setenv("SRAE_PASSPHRASE", "open sesame")
    monkeypatch.setenv("SRAE_NEW_PASSPHRASE", "")
    told(capsys, "passphrase")
    before = keys.default_path().read_bytes()
    assert "keys added: 0." in told(capsys, "import", "backup.json")
    assert keys.default_path().read_bytes() == before


def test_an_import_without_anybody_to_ask_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    own()
    before = keys.default_path().read_bytes()
    file_of("backup.json", "open sesame")
    refusal = told(capsys, "import", "backup.json", status=1)
    assert "[KEY_LOCKED]" in refusal
    assert "SRAE_IMPORT_PASSPHRASE" in refusal
    assert keys.default_path().read_bytes() == before


def broken(content: str = "{") -> Path:
    path = keys.default_path()
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return path


def _with_anothers_public_key() -> str:
    mine, other = keys.new(), keys.new()
    return keys.write(keys.Keyring(other.public, mine.secret)).decode()


@pytest.mark.parametrize("content", ["{", _with_anothers_public_key()])
def test_the_advice_for_a_damaged_key_file_works_and_loses_nothing(
    content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, theirs = broken("{"), file_of("backup.json")
    refusal = told(capsys, "show", status=1)
    assert str(path) in refusal
    assert "srae keys import FILE" in refusal
    broken(content)
    said = told(capsys, "import", "backup.json")
    aside = path.with_name("keys.json.damaged")
    assert str(aside) in said
    assert (aside.read_text(), stat.S_IMODE(aside.stat().st_mode)) == (content, 0o600)
    assert keys.own().public == (theirs,)
    broken("second")
    told(capsys, "import", "backup.json")
    assert (aside.read_text(), path.with_name("keys.json.damaged-2").read_text()) == (content, "second")


def test_a_damaged_file_to_import_is_named_and_another_one_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    path = broken()
    Path("backup.json").write_text("[")
    refusal = told(capsys, "import", "backup.json", status=1)
    assert "key file backup.json cannot be used" in refusal
    assert "srae keys export wrote" in refusal
    assert "srae keys import" not in refusal
    assert path.read_text() == "{"


def test_a_folder_that_cannot_be_written_is_not_mended_by_an_import(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(keys.files, "save", refused)
    refusal = told(capsys, "show", status=1)
    assert "[KEY_UNUSABLE]" in refusal
    assert f"{keys.default_path()} cannot be written: Permission denied" in refusal
    assert "import" not in refusal


def test_a_key_file_that_cannot_be_read_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    keys.default_path().mkdir(parents=True)
    file_of("backup.json")
    refusal = told(capsys, "import", "backup.json", status=1)
    assert "cannot be read: Is a directory" in refusal
    assert keys.default_path().is_dir()
    assert {file.name for file in keys.default_path().parent.iterdir()} == {"keys.json", "keys.json.lock"}


@pytest.mark.parametrize("action", ["new", "passphrase"])
def test_a_passphrase_that_is_wrong_or_missing_is_the_keys(
    action: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own("open sesame")
    monkeypatch.setenv("SRAE_NEW_PASSPHRASE", "")
    refusal = told(capsys, action, status=1)
    assert "[KEY_LOCKED]" in refusal
    assert "SRAE_PASSPHRASE" in refusal
    monkeypatch.setenv("SRAE_PASSPHRASE", "open barley")
    refusal = told(capsys, action, status=1)
    assert "this is not its passphrase" in refusal
    assert str(keys.default_path()) in refusal
    assert "by SRAE_PASSPHRASE" in refusal
    assert "receipt" not in refusal


def test_a_link_that_leads_nowhere_makes_no_key(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = keys.default_path()
    path.parent.mkdir()
    path.symlink_to(place / "disk" / "keys.json")
    for arguments in (("show",), ("new",), ("export", "backup.json"), ("passphrase",)):
        refusal = told(capsys, *arguments, status=1)
        assert "link to a file that is not there" in refusal
        assert "[KEY_UNUSABLE]" in refusal
    assert not Path("backup.json").exists()


@pytest.mark.parametrize("action", ["new", "passphrase", "import"])
def test_a_link_to_the_key_file_stays_one(
    action: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, own_file = file_of("backup.json"), keys.default_path()
    own_file.parent.mkdir()
    file_of("vault.json")
    own_file.symlink_to(place / "vault.json")
    monkeypatch.setenv("SRAE_NEW_PASSPHRASE", "open sesame")
    before = Path("vault.json").read_bytes()
    told(capsys, action, *(["backup.json"] if action == "import" else []))
    assert own_file.is_symlink()
    assert Path("vault.json").read_bytes() != before
    if action == "import":
        assert theirs in keys.own().public


def test_keys_that_are_made_at_the_same_time_are_all_kept(place: Path) -> None:
    first = keys.own().public
    command = [sys.executable, "-m", "srae_client", "keys", "new"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = {process.communicate()[0].strip() for process in running}
    assert [process.returncode for process in running] == [0] * 4
    assert len(printed) == 4
    assert {keys.to_text(key) for key in keys.own().public} == printed | {keys.to_text(first[0])}


def test_a_change_does_not_wait_for_ever_for_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = own()
    monkeypatch.setattr(keys, "_WAIT_SECONDS", 0.1)
    with keys.changing(keys.default_path()):
        assert "Another srae command is changing the keys" in told(capsys, "new", status=1)
    assert keys.own().public == (mine,)


def test_an_end_of_the_input_at_the_prompt_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own("open sesame")

    def nothing(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", nothing)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    assert "[KEY_LOCKED]" in told(capsys, "new", status=1)
