"""What ``srae-host install`` was told, kept for when the browser starts the host."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import platformdirs

#: The extension's id in Chromium browsers, from the public key in its manifest, and in Firefox.
CHROMIUM_ID = "ojmbpmiebdaininhleljkmghomdficil"
FIREFOX_ID = "extension@srae"
_FILE = "host.json"


@dataclass(frozen=True)
class Settings:
    """Settings of a user, or of all users of the computer.

    Attributes:
        endpoint: the service to call; empty is the one on this computer.
        ca: a file of certificates to trust in place of the system's; empty is the system's.
        extension_ids: extensions that may talk to the host besides the project's own.
    """

    endpoint: str = ""
    ca: str = ""
    extension_ids: tuple[str, ...] = ()

    @property
    def chromium_ids(self) -> tuple[str, ...]:
        """Ids of extensions in Chromium browsers that may talk to the host."""
        return tuple(dict.fromkeys((CHROMIUM_ID, *(name for name in self.extension_ids if is_chromium_id(name)))))

    @property
    def firefox_ids(self) -> tuple[str, ...]:
        """Ids of extensions in Firefox browsers that may talk to the host."""
        return tuple(dict.fromkeys((FIREFOX_ID, *(name for name in self.extension_ids if not is_chromium_id(name)))))


class SettingsError(Exception):
    """The settings' file cannot be read; the message names it."""


def is_chromium_id(name: str) -> bool:
    """Whether an extension's id is one of Chromium's: 32 letters a to p. Firefox's have an @ or braces."""
    return len(name) == 32 and set(name) <= set("abcdefghijklmnop")


def path(system: bool = False) -> Path:
    """Where the settings are."""
    if system:
        return Path(platformdirs.site_config_dir("srae", appauthor=False)) / _FILE
    return Path(platformdirs.user_config_dir("srae", appauthor=False)) / _FILE


def load() -> Settings:
    """The user's settings, over those of all users.

    Raises:
        SettingsError: a file is there and cannot be understood.
    """
    every, own = read(path(system=True)), read(path())
    merged = Settings(own.endpoint or every.endpoint, own.ca if own.endpoint else every.ca)
    return replace(merged, extension_ids=tuple(dict.fromkeys((*every.extension_ids, *own.extension_ids))))


def read(file: Path) -> Settings:
    """The settings in a file; the defaults where there is none.

    Raises:
        SettingsError: it cannot be understood.
    """
    try:
        given = json.loads(file.read_text("utf-8"))
        ids = given.get("extension_ids", [])
        if not isinstance(ids, list):
            raise ValueError("the extensions are no list")
        if not all(isinstance(value, str) for value in (given.get("endpoint", ""), given.get("ca", ""), *ids)):
            raise ValueError("a setting is no text")
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, AttributeError, RecursionError):
        raise SettingsError(f"The settings in {file} cannot be read. Delete the file and install again.") from None
    return Settings(given.get("endpoint", ""), given.get("ca", ""), tuple(ids))


def to_text(settings: Settings) -> str:
    """A file's content."""
    return json.dumps(asdict(settings), indent=2) + "\n"
