"""What is in order and what is not, with the command that mends it."""

from __future__ import annotations

import asyncio
import os
import stat
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from srae_client import authorities, endpoint, installing
from srae_client.errors import LocalReason, SraeClientError

from srae_host import browsers, framing, manifests, settings
from srae_host.browsers import BROWSERS
from srae_host.service import Service
from srae_host.settings import CHROMIUM_ID, Settings, SettingsError

_INSTALL_SERVICE = f"{installing.command('embedded')}; or name a server: srae-host install --endpoint HOST:PORT"
_START_SECONDS = 20.0
_CALL_SECONDS = 10.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; ``mend`` is the command or step that puts it in order."""

    name: str
    ok: bool
    summary: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the extension is told."""
        return {name: value for name, value in asdict(self).items() if name != "mend" or not self.ok}


async def examine(profiles: Sequence[Path] = ()) -> list[Check]:
    """Looks at everything that protecting a photo in a browser needs; starts no service.

    Args:
        profiles: folders of Chromium browsers that run with --user-data-dir.
    """
    chosen, check = _settings()
    places = await asyncio.to_thread(lambda: list(_manifests(chosen, profiles)))
    return [check, *places, await _host(), *await _behind(chosen)]


async def examine_from_host() -> list[Check]:
    """The same, as seen by a host that a browser has found and started."""
    chosen, check = _settings()
    return [check, *await _behind(chosen)]


async def _behind(chosen: Settings) -> list[Check]:
    """What is needed once the browser has found the host."""
    return [await _service(chosen), *await asyncio.to_thread(lambda: [_keys(), _ledger(), _fingerprint()])]


def public_key() -> str | None:
    """The key that receipts are sealed for, as text; None where none was made yet, or it cannot be read."""
    from srae_client import keys

    try:
        found = keys.load()
    except SraeClientError:
        return None  # the check of the key tells why
    return keys.to_text(found.public[0]) if found is not None else None


def _settings() -> tuple[Settings, Check]:
    try:
        chosen = settings.load()
    except SettingsError as error:
        return Settings(), Check("settings", False, str(error), f"rm '{settings.path()}' && srae-host install")
    return chosen, Check("settings", True, f"photos are protected by {chosen.endpoint or 'this computer'}")


def _manifests(chosen: Settings, profiles: Sequence[Path]) -> Iterator[Check]:
    places, confined = [manifests.of_profile(folder) for folder in profiles], 0
    for browser in BROWSERS.values():
        own, every = (manifests.of_browser(browser, system) for system in (False, True))
        used = own if own.path.exists() or not every.path.exists() else every
        if browser.is_here() or used.path.exists():
            places.append(used)
        for kept in browsers.confined(browser):
            confined += 1
            yield Check(browser.name, False, f"{kept.title} is a {kept.kind}: it cannot start the host.", kept.advice)
    if not places and not confined:
        names = ", ".join(BROWSERS)
        yield Check("browsers", False, "No browser was found.", f"srae-host install BROWSER, one of {names}")
    for place in places:
        wrong = manifests.problem(place, chosen) if place.path.exists() else f"{place.path} is missing."
        told = wrong or f"finds the host by {place.path}"
        yield Check(place.name, wrong is None, told, "" if wrong is None else place.install)


async def _host() -> Check:
    """Starts the host as a browser does, and has it say hello."""
    launcher, began = manifests.launcher(), time.monotonic()
    params = {"protocol": {"min": 1, "max": 1}, "client": "srae-host doctor"}
    hello = framing.encode({"type": "request", "id": "a", "action": "hello", "params": params})
    reinstall = f"{installing.EVERYTHING}, then srae-host install"
    try:
        pipe = asyncio.subprocess.PIPE
        origin = f"chrome-extension://{CHROMIUM_ID}/"
        process = await asyncio.create_subprocess_exec(launcher, origin, stdin=pipe, stdout=pipe, stderr=pipe)
        said, errors = await asyncio.wait_for(process.communicate(hello), _START_SECONDS)
    except (OSError, TimeoutError) as error:
        return Check("host", False, f"{launcher} does not start: {error or 'it said nothing in time'}.", reinstall)
    length = struct.unpack("=I", said[:4])[0] if len(said) >= 4 else -1
    if length != len(said) - 4:
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        return Check("host", False, f"{launcher} answers no frames. It said: {last or 'nothing'}", reinstall)
    if framing.decode(said[4:]).get("type") != "result":
        return Check("host", False, f"{launcher} refuses the extension.", "srae-host install")
    return Check("host", True, f"answered in {1000 * (time.monotonic() - began):.0f} ms: {launcher}")


async def _service(chosen: Settings) -> Check:
    service = Service(chosen)
    seen = service.seen()
    if seen["kind"] == "none":
        return Check("service", False, "No service runs, and none is installed.", _INSTALL_SERVICE)
    if seen["kind"] == "embedded":
        return Check("service", True, "none runs; the host starts its own for the first photo")
    try:
        healthy = await asyncio.wait_for(_health(seen["address"], chosen.ca), _CALL_SECONDS + 5)
    except (SraeClientError, OSError, TimeoutError) as error:
        told = error.message if isinstance(error, SraeClientError) else f"{seen['address']}: {error}"
        named = "srae-host install --endpoint HOST:PORT (or --endpoint '' for this computer)"
        if isinstance(error, SraeClientError) and error.reason == LocalReason.INVALID_CA:
            named = "srae-host install --endpoint HOST:PORT --ca FILE"
        is_wrong = isinstance(error, SraeClientError) and error.reason == LocalReason.INVALID_ENDPOINT
        return Check("service", False, told, named if is_wrong or seen["kind"] == "named" else "srae serve")
    if not healthy:
        mend = f"look into the log of the server at {seen['address']}: a model does not answer"
        return Check("service", False, f"{seen['address']} is not ready.", mend)
    return Check("service", True, f"{seen['address']} is ready")


async def _health(address: str, ca: str) -> bool:
    from srae_client.client import Client

    trusted = await asyncio.to_thread(authorities.read, Path(ca) if ca else None)
    endpoint.parse(address)
    async with Client(address, trusted) as client:
        await client.wait_until_reachable(_CALL_SECONDS)
        return await client.is_healthy(_CALL_SECONDS)


def _keys() -> Check:
    from srae_client import keys
    from srae_client.key_errors import KeysDamagedError

    path = keys.default_path()
    try:
        found = keys.load(path)
    except KeysDamagedError as error:
        return Check("key", False, error.message, "srae keys import FILE, a copy that you exported")
    except SraeClientError as error:
        return Check("key", False, error.message, f"chmod 600 '{path}'")
    if found is None:
        return Check("key", True, "made when the first photo is protected")
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Check("key", False, f"Other users may read {path}.", f"chmod 600 '{path}'")
    if found.lock is not None:
        return Check("key", True, "has a passphrase, for which the extension asks when a photo is restored")
    return Check("key", True, f"{path}; keep a copy: srae keys export FILE")


def _ledger() -> Check:
    from srae_client.ledger import Ledger

    ledger = Ledger()
    if not ledger.path.exists():
        return Check("ledger", True, f"empty so far: {ledger.path}")
    try:
        count = ledger.count()
    except SraeClientError as error:
        aside = f"mv '{ledger.path}' '{ledger.path}.broken', then import a copy that you exported"
        return Check("ledger", False, error.message, aside)
    if os.name == "posix" and stat.S_IMODE(ledger.path.stat().st_mode) & 0o077:
        return Check("ledger", False, f"Other users may read {ledger.path}.", f"chmod 600 '{ledger.path}'")
    return Check("ledger", True, f"{count} photos: {ledger.path}")


def _fingerprint() -> Check:
    try:
        import cv2  # noqa: F401
    except ImportError:
        unknown = "Copies that a platform made are not recognised."
        return Check("perceptual hash", False, unknown, installing.command("clients"))
    return Check("perceptual hash", True, "copies that a platform made are recognised")
