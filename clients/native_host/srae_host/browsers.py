"""The browsers, and where each looks for native-messaging hosts.

Tried here: Chromium and Firefox on Linux. The other places are those that the browsers' makers document.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Family = Literal["chromium", "firefox"]

_CHROMIUM_FOLDER = "NativeMessagingHosts"
_APPLICATIONS = "Library/Application Support"


@dataclass(frozen=True)
class Browser:
    """A browser.

    Attributes:
        name: what it is called on the command line.
        family: decides the manifest's form.
        user: for each system, the folder of a user's host manifests, relative to the home folder.
        every: for each system, the folder of all users' host manifests.
        programs: what it is called where programs are looked for.
        registry: its key in Windows' registry.
        snaps: its names among snaps.
        flatpaks: its names among flatpaks.
    """

    name: str
    title: str
    family: Family
    user: Mapping[str, str]
    every: Mapping[str, str]
    programs: tuple[str, ...]
    registry: str
    snaps: tuple[str, ...] = ()
    flatpaks: tuple[str, ...] = ()

    def folder(self, system: bool) -> Path:
        """Where its host manifests are, for this user or for all (Linux and macOS)."""
        place = "darwin" if sys.platform == "darwin" else "linux"
        return Path(self.every[place]) if system else Path.home() / self.user[place]

    def is_here(self) -> bool:
        """Whether it is installed, or was used, on this computer."""
        return any(map(shutil.which, self.programs)) or self.folder(system=False).parent.is_dir()


def _chromium(name: str, title: str, linux: str, mac: str, every: tuple[str, str], **more: tuple[str, ...]) -> Browser:
    return Browser(
        name,
        title,
        "chromium",
        user={
            "linux": f".config/{linux}/{_CHROMIUM_FOLDER}",
            "darwin": f"{_APPLICATIONS}/{mac}/{_CHROMIUM_FOLDER}",
        },
        every={"linux": f"/etc/{every[0]}/native-messaging-hosts", "darwin": f"/Library/{every[1]}/{_CHROMIUM_FOLDER}"},
        programs=more["programs"],
        registry=more["registry"][0] + "\\" + _CHROMIUM_FOLDER,
        snaps=more.get("snaps", ()),
        flatpaks=more.get("flatpaks", ()),
    )


def _firefox(name: str, title: str, linux: str, every: str, mac: str, **more: tuple[str, ...]) -> Browser:
    return Browser(
        name,
        title,
        "firefox",
        user={"linux": f"{linux}/native-messaging-hosts", "darwin": f"{_APPLICATIONS}/{mac}/{_CHROMIUM_FOLDER}"},
        every={
            "linux": f"/usr/lib/{every}/native-messaging-hosts",
            "darwin": f"/{_APPLICATIONS}/{mac}/{_CHROMIUM_FOLDER}",
        },
        programs=more["programs"],
        registry=f"Software\\Mozilla\\{_CHROMIUM_FOLDER}",
        snaps=more.get("snaps", ()),
        flatpaks=more.get("flatpaks", ()),
    )


BROWSERS: Mapping[str, Browser] = {
    browser.name: browser
    for browser in (
        _chromium(
            "chrome",
            "Google Chrome",
            "google-chrome",
            "Google/Chrome",
            ("opt/chrome", "Google/Chrome"),
            programs=("google-chrome", "google-chrome-stable"),
            registry=("Software\\Google\\Chrome",),
            flatpaks=("com.google.Chrome",),
        ),
        _chromium(
            "chromium",
            "Chromium",
            "chromium",
            "Chromium",
            ("chromium", "Application Support/Chromium"),
            programs=("chromium", "chromium-browser"),
            registry=("Software\\Chromium",),
            snaps=("chromium",),
            flatpaks=("org.chromium.Chromium", "io.github.ungoogled_software.ungoogled_chromium"),
        ),
        _chromium(
            "edge",
            "Microsoft Edge",
            "microsoft-edge",
            "Microsoft Edge",
            ("opt/edge", "Microsoft/Edge"),
            programs=("microsoft-edge", "microsoft-edge-stable"),
            registry=("Software\\Microsoft\\Edge",),
            flatpaks=("com.microsoft.Edge",),
        ),
        _chromium(
            "brave",
            "Brave",
            "BraveSoftware/Brave-Browser",
            "BraveSoftware/Brave-Browser",
            ("opt/brave", "Application Support/BraveSoftware/Brave-Browser"),
            programs=("brave-browser", "brave"),
            registry=("Software\\BraveSoftware\\Brave-Browser",),
            snaps=("brave",),
            flatpaks=("com.brave.Browser",),
        ),
        _chromium(
            "vivaldi",
            "Vivaldi",
            "vivaldi",
            "Vivaldi",
            ("opt/vivaldi", "Application Support/Vivaldi"),
            programs=("vivaldi", "vivaldi-stable"),
            registry=("Software\\Vivaldi",),
            snaps=("vivaldi",),
            flatpaks=("com.vivaldi.Vivaldi",),
        ),
        _firefox(
            "firefox",
            "Firefox",
            ".mozilla",
            "mozilla",
            "Mozilla",
            programs=("firefox", "firefox-esr"),
            snaps=("firefox",),
            flatpaks=("org.mozilla.firefox",),
        ),
        _firefox(
            "librewolf",
            "LibreWolf",
            ".librewolf",
            "librewolf",
            "librewolf",
            programs=("librewolf",),
            flatpaks=("io.gitlab.librewolf-community",),
        ),
    )
}


@dataclass(frozen=True)
class Confined:
    """A browser that is kept apart from the system's programs, and what to do about that."""

    title: str
    kind: Literal["snap", "flatpak"]
    advice: str


_FLATPAKS = "/var/lib/flatpak/app"
_SNAPS = ("/snap", "/var/lib/snapd/snap")
_ADVICE = "Install {title} from your distribution or its maker instead"
_PORTAL = (
    "It starts hosts through the desktop's portal alone: confirm when it asks. Where it never asks, install Firefox "
    "from your distribution or from Mozilla"
)


def confined(browser: Browser) -> Iterator[Confined]:
    """The ways in which a browser is installed that can hinder it from starting the host (Linux)."""
    for name in browser.snaps:
        if any(Path(place, name).exists() for place in _SNAPS):
            advice = _PORTAL if browser.name == "firefox" else _ADVICE.format(title=browser.title)
            yield Confined(browser.title, "snap", advice)
    for name in browser.flatpaks:
        if any(Path(place, name).exists() for place in (_FLATPAKS, Path.home() / ".local/share/flatpak/app")):
            yield Confined(browser.title, "flatpak", _ADVICE.format(title=browser.title))
