"""The host manifests: the files by which a browser finds the host, and knows who may start it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from srae_host.browsers import Browser, Family
from srae_host.settings import Settings

NAME = "srae.host"
_FILE = f"{NAME}.json"


@dataclass(frozen=True)
class Place:
    """Where a manifest is, and for whom.

    Attributes:
        name: the browser's on the command line, or "profile".
        reader: for people: the browser, or the folder of a profile.
        install: the command line that puts a manifest there.
    """

    path: Path
    family: Family
    name: str
    reader: str
    install: str
    registry: str = ""
    is_system: bool = False


def of_browser(browser: Browser, system: bool) -> Place:
    """Where a browser looks, for this user or for all."""
    install = f"srae-host install {browser.name}" + (" --system" if system else "")
    if sys.platform == "win32":  # there the registry says where the file is, which can be anywhere
        folder = (platformdirs.site_data_path if system else platformdirs.user_data_path)("srae", appauthor=False)
        path = folder / "native-messaging-hosts" / browser.family / _FILE
        registry = f"{browser.registry}\\{NAME}"
        return Place(path, browser.family, browser.name, browser.title, install, registry, system)
    path = browser.folder(system) / _FILE
    return Place(path, browser.family, browser.name, browser.title, install, is_system=system)


def of_profile(folder: Path) -> Place:
    """Where a Chromium browser looks that was started with ``--user-data-dir``."""
    path = folder.absolute() / "NativeMessagingHosts" / _FILE
    install = f"srae-host install --profile-dir {shlex.quote(str(folder))}"
    return Place(path, "chromium", "profile", f"profile folder {folder}", install)


def launcher() -> Path:
    """The program that browsers start: the command beside the Python that runs this."""
    return Path(sys.executable).parent / ("srae-host.exe" if sys.platform == "win32" else "srae-host")


def content(family: Family, settings: Settings) -> dict[str, Any]:
    """A manifest."""
    manifest: dict[str, Any] = {
        "name": NAME,
        "description": "Protects photos before they are uploaded",
        "path": str(launcher()),
        "type": "stdio",
    }
    if family == "firefox":
        return {**manifest, "allowed_extensions": list(settings.firefox_ids)}
    return {**manifest, "allowed_origins": [f"chrome-extension://{name}/" for name in settings.chromium_ids]}


def write(place: Place, settings: Settings) -> bool:
    """Puts a manifest in its place; whether that changed anything.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(content(place.family, settings), indent=2) + "\n"
    changed = save(place.path, text)
    if place.registry and sys.platform == "win32":
        import winreg

        root = winreg.HKEY_LOCAL_MACHINE if place.is_system else winreg.HKEY_CURRENT_USER
        winreg.SetValue(root, place.registry, winreg.REG_SZ, str(place.path))
    return changed


def remove(place: Place) -> bool:
    """Takes a manifest away; whether there was one.

    Raises:
        OSError: it cannot be removed.
    """
    if place.registry and sys.platform == "win32":
        import contextlib
        import winreg

        root = winreg.HKEY_LOCAL_MACHINE if place.is_system else winreg.HKEY_CURRENT_USER
        with contextlib.suppress(FileNotFoundError):
            winreg.DeleteKey(root, place.registry)
    if not os.path.lexists(place.path):
        return False
    place.path.unlink()
    return True


def save(path: Path, text: str) -> bool:
    """Writes a file that everybody may read, whole or not at all; whether that changed anything.

    Raises:
        OSError: it cannot be written.
    """
    if path.is_file() and path.read_bytes() == text.encode("utf-8"):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text, "utf-8")
    partial.chmod(0o644)
    partial.replace(path)
    return True


def problem(place: Place, settings: Settings) -> str | None:
    """What is wrong with a manifest that is there; None where nothing is."""
    try:
        found = json.loads(place.path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return f"{place.path} cannot be read: {error}."
    if not isinstance(found, dict):
        return f"{place.path} holds no manifest."
    wanted = content(place.family, settings)
    if found.get("path") != wanted["path"]:
        there = str(found.get("path"))
        if os.access(there, os.X_OK):
            return f"{place.path} starts another installation's host, {there}."
        return f"{place.path} starts {there}, which is not there or cannot be run."
    listed = "allowed_extensions" if place.family == "firefox" else "allowed_origins"
    allowed = found.get(listed)
    missing = [name for name in wanted[listed] if not isinstance(allowed, list) or name not in allowed]
    if missing:
        return f"{place.path} does not allow the extension {', '.join(missing)}."
    if {**found, **wanted} != found:
        return f"{place.path} is not as this version writes it."
    return None
