"""``srae-host install``, ``uninstall`` and ``doctor``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from srae_client import authorities, endpoint, installing
from srae_client.errors import SraeClientError

from srae_host import browsers, manifests, settings
from srae_host.actions import version
from srae_host.browsers import BROWSERS
from srae_host.manifests import Place
from srae_host.settings import SettingsError

_OVERVIEW = """\
examples:
  srae-host install                      for every browser that is found on this computer
  srae-host install firefox brave        for these
  srae-host install --profile-dir DIR    for a Chromium browser that runs with --user-data-dir=DIR
  srae-host install --endpoint photos.example.org:8443
                                         photos are protected by that server; without, by this computer
  srae-host doctor                       says what does not work, and the command that mends it

Browsers start this program themselves, with the extension's name, and speak to it in frames.

exit status: 0 all is well, 1 something is not, 2 the command makes no sense.
"""
FAILED, USAGE = 1, 2


def run(arguments: Sequence[str]) -> int:
    """Runs one command line, and gives the exit status."""
    parser = build_parser()
    given = parser.parse_args(arguments)
    try:
        return {"install": _install, "uninstall": _uninstall, "doctor": _doctor}[given.command](given)
    except _UsageError as error:
        print(f"srae-host {given.command}: {error}", file=sys.stderr)
        return USAGE
    except SettingsError as error:
        print(f"srae-host {given.command}: {error}", file=sys.stderr)
    except BrokenPipeError:
        raise  # nobody reads on, so there is nobody to tell
    except OSError as error:
        hint = " Run it as root, or leave --system out." if getattr(given, "system", False) else ""
        print(f"srae-host {given.command}: {error.filename}: {error.strerror}.{hint}", file=sys.stderr)
    return FAILED


class _UsageError(Exception):
    """The options make no sense; nothing was done."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command ``srae-host``."""
    parser = argparse.ArgumentParser(
        prog="srae-host",
        description="The bridge between the browser extension and the service that protects photos.",
        epilog=_OVERVIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"srae-host {version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    install = commands.add_parser(
        "install", help="tell browsers of the host", description="Tells browsers of the host."
    )
    _add_places(install, "browsers to install for (default: all that are found)")
    install.add_argument(
        "--extension-id",
        action="append",
        default=[],
        metavar="ID",
        help="an extension that may talk to the host besides the project's own: the id that a store gave it",
    )
    install.add_argument(
        "--endpoint",
        metavar="HOST:PORT",
        help="server to use, also unix:/path/to/socket; other computers are called with TLS; '' is this computer again",
    )
    install.add_argument(
        "--ca", type=Path, metavar="FILE", help="certificates (PEM) to trust in place of the system's, for TLS"
    )
    remove = commands.add_parser(
        "uninstall",
        help="undo install",
        description="Undoes install. The ledger and the keys stay, for they restore photos.",
    )
    _add_places(remove, "browsers to uninstall from (default: all)")
    doctor = commands.add_parser(
        "doctor", help="say what does not work", description="Says what does not work, and the command that mends it."
    )
    doctor.add_argument("--profile-dir", action="append", default=[], type=Path, metavar="DIR", help="look there too")
    doctor.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return parser


def _add_places(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("browsers", nargs="*", type=_browser, metavar="BROWSER", help=f"{what}: {_names()}")
    parser.add_argument("--system", action="store_true", help="for all users of this computer, which root alone can do")
    parser.add_argument(
        "--profile-dir",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="a Chromium browser's folder, where it is started with --user-data-dir=DIR",
    )


def _browser(name: str) -> str:
    if name not in BROWSERS:
        raise argparse.ArgumentTypeError(f"there is no browser {name!r}: name one of {_names()}")
    return name


def _names() -> str:
    return ", ".join(BROWSERS)


def _install(given: Namespace) -> int:
    launcher = manifests.launcher()
    if not os.access(launcher, os.X_OK):
        raise _UsageError(f"there is no {launcher} for browsers to start: first {installing.EVERYTHING}")
    found = [name for name, browser in BROWSERS.items() if browser.is_here()]
    names = given.browsers or ([] if given.profile_dir else found)
    if not names and not given.profile_dir:
        raise _UsageError(f"no browser was found on this computer: name one of {_names()}")
    places, file = _places(names, given), settings.path(given.system)
    chosen = _chosen(given, settings.read(file))
    if manifests.save(file, settings.to_text(chosen)):
        print(f"settings            {file}")
    for place in places:
        state = "installed" if manifests.write(place, chosen) else "already installed"
        print(f"{state:<20}{place.reader}: {place.path}")
    for name in names:
        for kept in browsers.confined(BROWSERS[name]):
            print(f"{'attention':<20}{kept.title} is a {kept.kind}, which cannot start other programs. {kept.advice}.")
    return 0


def _chosen(given: Namespace, before: settings.Settings) -> settings.Settings:
    """The settings with what was said now; what was not said stays."""
    ids = tuple(dict.fromkeys((*before.extension_ids, *given.extension_id)))
    if not all(name and name.isascii() and name.isprintable() and " " not in name for name in ids):
        raise _UsageError("an extension's id is 32 letters, or a name with an @")
    if given.ca is not None and not given.ca.is_file():
        raise _UsageError(f"there is no file {given.ca}")
    try:
        authorities.read(given.ca)
    except SraeClientError as error:
        raise _UsageError(error.message) from None
    chosen = replace(before, extension_ids=ids)
    if given.endpoint is not None:
        try:
            _ = given.endpoint and endpoint.parse(given.endpoint)
        except SraeClientError as error:
            raise _UsageError(error.message) from None
        chosen = replace(chosen, endpoint=given.endpoint, ca="")
    return replace(chosen, ca=str(given.ca.absolute())) if given.ca is not None else chosen


def _uninstall(given: Namespace) -> int:
    names = given.browsers or ([] if given.profile_dir else list(BROWSERS))
    removed = [place for place in _places(names, given) if manifests.remove(place)]
    for place in removed:
        print(f"uninstalled         {place.reader}: {place.path}")
    if not given.browsers and not given.profile_dir and settings.path(given.system).exists():
        settings.path(given.system).unlink()
        print(f"settings removed    {settings.path(given.system)}")
    if not removed:
        print("nothing was installed there")
    return 0


def _places(names: Sequence[str], given: Namespace) -> list[Place]:
    if given.system and given.profile_dir:
        raise _UsageError("--profile-dir is one user's: leave --system out")
    here = [manifests.of_browser(BROWSERS[name], given.system) for name in names]
    return here + [manifests.of_profile(folder) for folder in given.profile_dir]


def _doctor(given: Namespace) -> int:
    from srae_host import doctor

    checks = asyncio.run(doctor.examine(given.profile_dir))
    healthy = all(check.ok for check in checks)
    if given.json:
        print(json.dumps({"healthy": healthy, "checks": [check.as_json() for check in checks]}, indent=2))
        return 0 if healthy else FAILED
    for check in checks:
        print(f"{'ok' if check.ok else 'PROBLEM':<9}{check.name:<22}{check.summary}")
        if check.mend:
            print(f"{'':<9}{'':<22}mend it: {check.mend}")
    print("all is well" if healthy else "not all is well: the lines with PROBLEM say what to do")
    return 0 if healthy else FAILED
