"""A key under a passphrase, in the host: opened once, held in memory, and not for another key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from srae_client import keys
from srae_client.errors import SraeClientError
from srae_client.keys import Keyring
from srae_host.actions import HostActions
from srae_host.errors import Code, HostError
from srae_host.limits import Limits
from srae_host.requests import Request
from srae_host.service import Service
from srae_host.session_keys import SessionKeys
from srae_host.settings import Settings

SESAME = "öffne dich"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key file under a passphrase, with a derivation that is cheap enough for tests."""
    monkeypatch.setattr(keys, "_MEMORY_KIB", 64)
    path = tmp_path / "keys.json"
    keys.replace(path, locked(keys.new()))
    return path


def locked(keyring: Keyring) -> Keyring:
    return keyring.locked(keyring.private(), SESAME)


def reason(holder: SessionKeys) -> str:
    with pytest.raises(SraeClientError) as refusal:
        holder.private()
    return refusal.value.reason


def test_the_passphrase_opens_the_key_until_the_host_ends(path: Path) -> None:
    holder = SessionKeys(path=path)
    assert reason(holder) == "KEY_LOCKED"
    holder.open(SESAME)
    assert len(holder.private()) == 1
    assert holder.private() == holder.private()
    assert reason(SessionKeys(path=path)) == "KEY_LOCKED", "another host knows nothing of it"


def test_a_wrong_passphrase_opens_nothing_and_closes_nothing(path: Path) -> None:
    holder = SessionKeys(path=path)
    with pytest.raises(HostError) as refusal:
        holder.open("wrong")
    assert refusal.value.code == Code.KEY_PASSPHRASE_WRONG
    assert "wrong" not in refusal.value.message
    assert reason(holder) == "KEY_LOCKED"
    holder.open(SESAME)
    with pytest.raises(HostError):
        holder.open("wrong")
    assert holder.private()


def test_a_key_file_that_changed_is_another_key(path: Path) -> None:
    holder = SessionKeys(path=path)
    holder.open(SESAME)
    keys.replace(path, locked(keys.new()))
    assert reason(holder) == "KEY_LOCKED"
    free = keys.new()
    keys.replace(path, free)
    assert holder.private() == free.private()


def test_the_passphrase_is_not_kept(path: Path) -> None:
    holder = SessionKeys(path=path)
    holder.open(SESAME)
    assert SESAME not in repr(vars(holder))


def test_without_a_passphrase_or_a_key_there_is_nothing_to_open(tmp_path: Path) -> None:
    holder = SessionKeys(path=tmp_path / "keys.json")
    holder.open(SESAME)
    assert holder.private() == []
    keys.own(tmp_path / "keys.json")
    holder.open(SESAME)
    assert len(holder.private()) == 1


def test_keys_that_cannot_be_read_say_so(path: Path) -> None:
    path.write_text("{")
    with pytest.raises(SraeClientError) as refusal:
        SessionKeys(path=path).open(SESAME)
    assert refusal.value.reason == "KEY_UNUSABLE"


async def test_the_action_answers_with_a_code_and_without_the_passphrase(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.ENVIRONMENT, str(path))
    actions = HostActions(Service(Settings()), Limits())

    async def unlock(passphrase: str) -> Any:
        return (await actions.run(Request("a", "unlock", {"passphrase": passphrase}), {}, report)).result

    async def report(stage: str) -> None:
        raise AssertionError(stage)

    with pytest.raises(HostError) as refusal:
        await unlock("wrong")
    assert refusal.value.code == Code.KEY_PASSPHRASE_WRONG
    assert await unlock(SESAME) == {}
