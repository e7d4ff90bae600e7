"""Installing for browsers, undoing it, and the doctor, in a home of the test's own."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from srae_client import keys
from srae_host import browsers, commands, manifests, settings
from srae_host.actions import HostActions
from srae_host.browsers import BROWSERS
from srae_host.limits import Limits
from srae_host.requests import Request
from srae_host.service import Service
from srae_host.settings import CHROMIUM_ID, FIREFOX_ID, Settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the places are Linux's")
STORE_ID = "abcdefghijklmnopabcdefghijklmnop"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and a computer without browsers."""
    for name, place in (
        ("HOME", ""),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_RUNTIME_DIR", "run"),
    ):
        monkeypatch.setenv(name, str(tmp_path / place))
    for name in ("SRAE_ENDPOINT", "SRAE_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(browsers.shutil, "which", lambda name: None)
    monkeypatch.setattr(browsers, "_SNAPS", (str(tmp_path / "snap"), str(tmp_path / "other/snap")))
    monkeypatch.setattr(browsers, "_FLATPAKS", str(tmp_path / "flatpak"))
    return tmp_path


def manifest(browser: str) -> dict[str, Any]:
    return dict(json.loads(manifests.of_browser(BROWSERS[browser], False).path.read_text()))


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    """The checks by name."""
    capsys.readouterr()
    status = commands.run(["doctor", "--json", *arguments])
    told = json.loads(capsys.readouterr().out)
    assert status == (0 if told["healthy"] else 1)
    return {check["name"]: check for check in told["checks"]}


def test_every_browser_is_told_of_a_program_that_it_can_start() -> None:
    assert commands.run(["install", *BROWSERS]) == 0
    for name, browser in BROWSERS.items():
        found = manifest(name)
        assert (found["name"], found["type"]) == ("srae.host", "stdio")
        assert Path(found["path"]).is_absolute()
        assert os.access(found["path"], os.X_OK)
        if browser.family == "firefox":
            assert found["allowed_extensions"] == [FIREFOX_ID]
        else:
            assert found["allowed_origins"] == [f"chrome-extension://{CHROMIUM_ID}/"]


def test_browsers_look_where_their_makers_say(home: Path) -> None:
    own = {name: str(browser.folder(False).relative_to(home)) for name, browser in BROWSERS.items()}
    assert own["chrome"] == ".config/google-chrome/NativeMessagingHosts"
    assert own["chromium"] == ".config/chromium/NativeMessagingHosts"
    assert own["edge"] == ".config/microsoft-edge/NativeMessagingHosts"
    assert own["brave"] == ".config/BraveSoftware/Brave-Browser/NativeMessagingHosts"
    assert own["vivaldi"] == ".config/vivaldi/NativeMessagingHosts"
    assert own["firefox"] == ".mozilla/native-messaging-hosts"
    assert own["librewolf"] == ".librewolf/native-messaging-hosts"
    every = {name: str(browser.folder(True)) for name, browser in BROWSERS.items()}
    assert every["chrome"] == "/etc/opt/chrome/native-messaging-hosts"
    assert every["chromium"] == "/etc/chromium/native-messaging-hosts"
    assert every["firefox"] == "/usr/lib/mozilla/native-messaging-hosts"


def test_without_a_name_the_browsers_that_were_used_here_are_installed_for(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.run(["install"]) == 2
    assert "no browser was found" in capsys.readouterr().err
    (home / ".config/vivaldi").mkdir(parents=True)
    assert commands.run(["install"]) == 0
    assert manifest("vivaldi")
    assert not manifests.of_browser(BROWSERS["chrome"], False).path.exists()


def test_installing_twice_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    commands.run(["install", "chromium"])
    path = manifests.of_browser(BROWSERS["chromium"], False).path
    before = path.stat().st_mtime_ns, stat.S_IMODE(path.stat().st_mode)
    assert before[1] == 0o644
    capsys.readouterr()
    assert commands.run(["install", "chromium"]) == 0
    assert capsys.readouterr().out.startswith("already installed")
    assert (path.stat().st_mtime_ns, stat.S_IMODE(path.stat().st_mode)) == before


def test_what_was_said_once_stays_until_it_is_said_otherwise(home: Path) -> None:
    commands.run(["install", "chromium", "--extension-id", STORE_ID, "--endpoint", "photos.example.org:8443"])
    commands.run(["install", "firefox", "--extension-id", "other@example.org"])
    chosen = settings.load()
    assert chosen.endpoint == "photos.example.org:8443"
    assert chosen.chromium_ids == (CHROMIUM_ID, STORE_ID)
    assert chosen.firefox_ids == (FIREFOX_ID, "other@example.org")
    commands.run(["install", "firefox", "--endpoint", ""])
    assert settings.load().endpoint == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["chromium", "--endpoint", "nonsense"],
        ["chromium", "--ca", "missing.pem"],
        ["chromium", "--ca", "text.pem"],
        ["chromium", "--extension-id", "two words"],
        ["chromium", "--system", "--profile-dir", "x"],
    ],
)
def test_options_that_make_no_sense_change_nothing(
    arguments: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings.platformdirs, "site_config_dir", lambda *_, **__: str(home / "every"))
    (home / "text.pem").write_text("no certificate")
    monkeypatch.chdir(home)
    assert commands.run(["install", *arguments]) == 2
    assert not any(home.rglob("*.json"))


def test_a_browser_that_is_none_is_told_the_ones_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        commands.run(["install", "nosuch"])
    told = capsys.readouterr().err
    assert "there is no browser 'nosuch': name one of chrome, chromium, " in told
    assert "[]" not in told


def test_a_profile_folder_of_its_own(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home / "my profile"
    assert commands.run(["install", "--profile-dir", str(folder)]) == 0
    assert (folder / "NativeMessagingHosts" / "srae.host.json").is_file()
    assert doctor(capsys, "--profile-dir", str(folder))["profile"]["ok"] is True
    assert commands.run(["uninstall", "--profile-dir", str(folder)]) == 0
    check = doctor(capsys, "--profile-dir", str(folder))["profile"]
    assert (check["ok"], check["mend"]) == (False, f"srae-host install --profile-dir '{folder}'")


def test_uninstall_takes_everything_away_and_keeps_the_ledger(home: Path) -> None:
    ledger = home / "data" / "srae" / "ledger.sqlite3"
    ledger.parent.mkdir(parents=True)
    ledger.touch()
    commands.run(["install", *BROWSERS])
    assert commands.run(["uninstall"]) == 0
    assert not any(home.rglob("*.json"))
    assert ledger.exists()
    assert commands.run(["uninstall"]) == 0


def test_the_doctor_finds_nothing_wrong_after_install(capsys: pytest.CaptureFixture[str]) -> None:
    commands.run(["install", "chromium", "firefox"])
    checks = doctor(capsys)
    assert all(check["ok"] for check in checks.values()), checks
    assert {"settings", "chromium", "firefox", "host", "service", "key", "ledger", "perceptual hash"} <= set(checks)
    assert checks["host"]["summary"].startswith("answered in ")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "holds no manifest"),
        ('{"path": "/nowhere/srae-host"}', "not there or cannot be run"),
        ('{"path": "/bin/sh"}', "another installation"),
        (None, "is missing"),
    ],
)
def test_the_doctor_names_what_is_wrong_and_its_command_mends_it(
    broken: str | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.run(["install", "chromium"])
    path = manifests.of_browser(BROWSERS["chromium"], False).path
    path.unlink() if broken is None else path.write_text(broken)
    check = doctor(capsys)["chromium"]
    assert check["ok"] is False
    assert says in check["summary"]
    assert commands.run(check["mend"].split()[1:]) == 0
    assert doctor(capsys)["chromium"]["ok"] is True


def test_the_doctor_finds_an_extension_that_is_not_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    commands.run(["install", "chromium", "firefox"])
    commands.run(["install", "firefox", "--extension-id", STORE_ID])
    check = doctor(capsys)["chromium"]
    assert (check["ok"], STORE_ID in check["summary"], check["mend"]) == (False, True, "srae-host install chromium")


@pytest.mark.parametrize("listed", [5, None, FIREFOX_ID])
def test_a_manifest_whose_extensions_are_no_list(listed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    commands.run(["install", "firefox"])
    path = manifests.of_browser(BROWSERS["firefox"], False).path
    path.write_text(json.dumps(manifest("firefox") | {"allowed_extensions": listed}))
    check = doctor(capsys)["firefox"]
    assert (check["ok"], check["mend"]) == (False, "srae-host install firefox")


def test_the_doctor_tells_of_confined_browsers(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "snap" / "chromium").mkdir(parents=True)
    (home / ".local/share/flatpak/app/org.mozilla.firefox").mkdir(parents=True)
    checks = doctor(capsys)
    assert "snap" in checks["chromium"]["summary"]
    assert "flatpak" in checks["firefox"]["summary"]
    assert "Install Firefox from your distribution" in checks["firefox"]["mend"]
    capsys.readouterr()
    commands.run(["install", "chromium"])
    assert "attention" in capsys.readouterr().out


def test_the_doctor_on_a_file_without_certificates(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "text.pem").write_text("no certificate")
    settings.path().parent.mkdir(parents=True)
    settings.path().write_text(settings.to_text(Settings("photos.example.org:8443", str(home / "text.pem"))))
    check = doctor(capsys)["service"]
    assert check["summary"].startswith(f"{home / 'text.pem'} holds no certificate.")
    assert "--ca FILE" in check["mend"]


def test_the_doctor_on_services(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from srae_host import doctor as module

    monkeypatch.setattr(module, "_CALL_SECONDS", 0.3)
    commands.run(["install", "chromium", "--endpoint", "localhost:1"])
    check = doctor(capsys)["service"]
    assert (check["ok"], "localhost:1" in check["summary"]) == (False, True)
    assert "srae-host install --endpoint" in check["mend"]


def test_the_doctor_on_a_ledger_that_others_may_read(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from srae_client.ledger import Ledger

    ledger = Ledger()
    assert ledger.count() == 0
    assert doctor(capsys)["ledger"]["ok"] is True
    ledger.path.chmod(0o644)
    check = doctor(capsys)["ledger"]
    assert (check["ok"], check["mend"]) == (False, f"chmod 600 '{ledger.path}'")
    ledger.path.write_bytes(b"not a database, but long enough to be looked at as one" * 20)
    ledger.path.chmod(0o600)
    assert "broken" in doctor(capsys)["ledger"]["mend"]


def test_the_doctor_on_keys(capsys: pytest.CaptureFixture[str]) -> None:
    keys.own()
    assert doctor(capsys)["key"]["ok"] is True
    keys.default_path().chmod(0o640)
    assert doctor(capsys)["key"]["mend"] == f"chmod 600 '{keys.default_path()}'"
    keys.default_path().write_text("{")
    assert "srae keys import" in doctor(capsys)["key"]["mend"]


async def test_status_tells_the_public_key_and_no_private_one() -> None:
    async def report(stage: str) -> None:
        raise AssertionError(stage)

    async def status() -> dict[str, Any]:
        answer = await HostActions(Service(Settings()), Limits()).run(Request("a", "status"), {}, report)
        return dict(answer.result)

    assert (await status())["public_key"] is None
    own = keys.own()
    told = await status()
    assert told["public_key"] == keys.to_text(own.public[0])
    assert json.loads(keys.write(own))["secret"] not in json.dumps(told)
    keys.default_path().write_text("{")
    assert (await status())["public_key"] is None


@pytest.mark.parametrize("content", ["{", '{"extension_ids": 5}', '{"extension_ids": [5]}', '{"ca": 5}', "5"])
def test_settings_that_cannot_be_read(content: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings.path().parent.mkdir(parents=True)
    settings.path().write_text(content)
    assert "srae-host install" in doctor(capsys)["settings"]["mend"]
    assert commands.run(["install", "chromium"]) == 1


def test_every_command_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        commands.run(["--help"])
    told = capsys.readouterr().out
    assert all(word in told for word in ("install", "uninstall", "doctor", "--profile-dir", "--endpoint"))
