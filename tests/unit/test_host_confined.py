"""Browsers that came as a snap or a flatpak, which can hinder them from starting the host."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from srae_host import browsers, commands, doctor
from srae_host.browsers import BROWSERS, Browser
from srae_host.doctor import Check
from srae_host.settings import Settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="snaps and flatpaks are Linux's")

SNAPS = [(browser.name, name) for browser in BROWSERS.values() for name in browser.snaps]
FLATPAKS = [(browser.name, name) for browser in BROWSERS.values() for name in browser.flatpaks]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and a computer on which nothing is installed."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(browsers.shutil, "which", lambda name: None)
    monkeypatch.setattr(browsers, "_SNAPS", (str(tmp_path / "snap"), str(tmp_path / "snapd")))
    monkeypatch.setattr(browsers, "_FLATPAKS", str(tmp_path / "flatpak"))
    return tmp_path


def kinds(browser: str) -> list[str]:
    return [kept.kind for kept in browsers.confined(BROWSERS[browser])]


def told(browser: str) -> list[Check]:
    """What the doctor says of the browser."""
    return [check for check in doctor._manifests(Settings(), ()) if check.name == browser]


def test_the_names_are_those_of_the_stores() -> None:
    assert set(SNAPS) == {("chromium", "chromium"), ("brave", "brave"), ("vivaldi", "vivaldi"), ("firefox", "firefox")}
    assert {name for _, name in FLATPAKS} >= {
        "com.google.Chrome",
        "com.microsoft.Edge",
        "com.brave.Browser",
        "org.mozilla.firefox",
        "io.gitlab.librewolf-community",
    }


@pytest.mark.parametrize("place", ["snap", "snapd"])
@pytest.mark.parametrize(("browser", "name"), SNAPS)
def test_a_snap_is_found_where_either_kind_of_system_has_it(browser: str, name: str, place: str, home: Path) -> None:
    assert kinds(browser) == []
    (home / place / name).mkdir(parents=True)
    assert kinds(browser) == ["snap"]
    assert all(not kinds(other) for other in BROWSERS if other != browser)


@pytest.mark.parametrize("place", ["flatpak", "home/.local/share/flatpak/app"])
@pytest.mark.parametrize(("browser", "name"), FLATPAKS)
def test_a_flatpak_is_found_whether_all_users_or_one_have_it(browser: str, name: str, place: str, home: Path) -> None:
    assert kinds(browser) == []
    (home / place / name).mkdir(parents=True)
    assert kinds(browser) == ["flatpak"]
    assert all(not kinds(other) for other in BROWSERS if other != browser)


def test_both_at_once_are_told_one_by_one(home: Path) -> None:
    (home / "snap/firefox").mkdir(parents=True)
    (home / "flatpak/org.mozilla.firefox").mkdir(parents=True)
    assert [(check.ok, check.summary.split()[3]) for check in told("firefox")] == [
        (False, "snap:"),
        (False, "flatpak:"),
    ]


def test_another_snap_and_the_folder_that_a_snap_leaves_in_the_home_are_no_browser(home: Path) -> None:
    (home / "snap/some-editor").mkdir(parents=True)
    (home / "home/snap/chromium").mkdir(parents=True)  # stays when the snap is removed
    assert not any(kinds(browser) for browser in BROWSERS)


@pytest.mark.parametrize(
    ("place", "browser", "advice"),
    [
        ("snap/chromium", "chromium", "Install Chromium from your distribution or its maker instead"),
        ("snap/firefox", "firefox", "desktop's portal"),
        ("flatpak/com.brave.Browser", "brave", "Install Brave from your distribution or its maker instead"),
        ("flatpak/org.mozilla.firefox", "firefox", "Install Firefox from your distribution or its maker instead"),
    ],
)
def test_the_doctor_says_what_to_do(place: str, browser: str, advice: str, home: Path) -> None:
    (home / place).mkdir(parents=True)
    (check,) = told(browser)
    assert not check.ok
    assert advice in check.mend


def test_a_browser_that_is_there_twice_is_looked_at_in_both_ways(home: Path) -> None:
    """The distribution's own Chromium may be all right while the snap beside it is not."""
    (home / "snap/chromium").mkdir(parents=True)
    BROWSERS["chromium"].folder(system=False).parent.mkdir(parents=True)
    assert commands.run(["install", "chromium"]) == 0
    confined, own = told("chromium")
    assert (confined.ok, own.ok) == (False, True)


def test_the_whole_examination_has_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> Check:
        return Check("x", True, "not looked at here")

    monkeypatch.setattr(doctor, "_host", nothing)
    monkeypatch.setattr(doctor, "_service", nothing)
    (home / "flatpak/com.vivaldi.Vivaldi").mkdir(parents=True)
    checks = asyncio.run(doctor.examine())
    assert [check.name for check in checks if not check.ok] == ["vivaldi"]


def test_every_browser_says_where_it_is_looked_for() -> None:
    def is_findable(browser: Browser) -> bool:
        return bool(browser.snaps or browser.flatpaks)

    assert all(map(is_findable, BROWSERS.values()))
