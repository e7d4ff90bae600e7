"""A request as the extension sent it, checked before anything is done with it (PROTOCOL.md, sections 2 and 5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from srae_host.errors import Code, HostError
from srae_host.limits import Limits
from srae_host.transfer import Description

#: Answered before a successful hello too.
OPEN_ACTIONS = frozenset({"hello", "echo"})
#: The files that an action takes; None takes any.
ROLES: Mapping[str, frozenset[str] | None] = {
    "hello": frozenset(),
    "echo": None,
    "wake": frozenset(),
    "status": frozenset(),
    "protect": frozenset({"photo"}),
    "evaluate": frozenset({"original", "protected"}),
    "restore": frozenset({"photo"}),
    "unlock": frozenset(),
    "ledger_list": frozenset(),
    "ledger_forget": frozenset(),
    "ledger_export": frozenset(),
    "ledger_import": frozenset({"ledger"}),
}
_MOST_ENTRIES = 500
#: The largest whole number that JavaScript holds exactly.
_LARGEST_NUMBER = 2**53 - 1
#: What the sealed tier can be asked for, in dB.
_STRONGEST_DB, _GENTLEST_DB = 34, 48
_LONGEST_SEARCH_SECONDS = 60
_TEXT_CHARACTERS = 255
_PASSPHRASE_CHARACTERS = 1024
_ORIGIN_CHARACTERS = 512

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_ENTRY = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
#: "null" is how a browser writes the origin of a sandboxed frame.
_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://[^/\\?#@\s]*")
_NOT_IN_NAMES = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Request:
    """A request whose params and file descriptions are as the protocol wants them. Unknown params are left out."""

    id: str
    action: str
    params: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Description] = field(default_factory=dict)


def read_id(frame: Mapping[str, Any]) -> str:
    """The id of a frame.

    Raises:
        HostError: it has none that could be answered.
    """
    given = frame.get("id")
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise HostError(Code.MALFORMED_FRAME, "A frame's id is not 1 to 64 of A-Z a-z 0-9 _ -.")
    return given


def parse(frame: Mapping[str, Any], limits: Limits) -> Request:
    """The request in a frame of type ``request``.

    Raises:
        HostError: something in it is not as the protocol wants it.
    """
    identity = read_id(frame)
    action = frame.get("action")
    if not isinstance(action, str):
        raise _invalid("The request names no action.")
    if action not in ROLES:
        raise HostError(Code.UNKNOWN_ACTION, "The host does not know this action.", {"actions": list(ROLES)})
    params, files = frame.get("params", {}), frame.get("files", {})
    if not isinstance(params, dict) or not isinstance(files, dict):
        raise _invalid("A request's params and files are objects.")
    checked = _params(action, params)
    return Request(identity, action, checked, _files(action, files, limits))


def _params(action: str, params: Mapping[str, Any]) -> dict[str, Any]:
    checks = _PARAMS.get(action, {})
    for name, (is_required, is_right) in checks.items():
        if name not in params and is_required:
            raise _invalid(f"{action} needs {name}.")
        if name in params and not is_right(params[name]):
            raise _invalid(f"{action} does not take this {name}.")
    known = {name: params[name] for name in checks if name in params}
    if action == "restore" and known.get("without_receipt") and "entry" in known:
        raise _invalid("restore takes an entry or goes without receipt, not both.")
    return known


def _files(action: str, files: Mapping[str, Any], limits: Limits) -> dict[str, Description]:
    roles = ROLES[action]
    if roles is not None and set(files) != roles:
        wanted = ", ".join(sorted(roles)) or "none"
        raise _invalid(f"{action} takes other files than came; it takes: {wanted}.")
    return {role: _description(action, described, limits) for role, described in files.items()}


def _description(action: str, given: Any, limits: Limits) -> Description:
    if not isinstance(given, dict):
        raise _invalid("A file's description is an object.")
    name, kind, size, digest = (given.get(key) for key in ("name", "mime_type", "size_bytes", "sha256"))
    if not isinstance(name, str) or not 0 < len(name) <= _TEXT_CHARACTERS or _NOT_IN_NAMES.search(name):
        raise _invalid("A file's name is 1 to 255 characters, without / \\ and control characters.")
    if not isinstance(kind, str) or len(kind) > _TEXT_CHARACTERS or _CONTROL.search(kind):
        raise _invalid("A file's mime_type is a text of at most 255 characters.")
    if type(size) is not int or size < 0:
        raise _invalid("A file's size_bytes is a whole number.")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise _invalid("A file's sha256 is 64 hex digits in lower case.")
    if size > limits.file_bytes:
        raise HostError(Code.FILE_TOO_LARGE, f"A file has at most {limits.file_bytes} bytes, and this one {size}.")
    if size == 0 and action != "echo":
        is_ledger = action == "ledger_import"
        raise HostError(Code.LEDGER_FILE_INVALID if is_ledger else Code.EMPTY_IMAGE, "The file has no bytes.")
    return Description(name, kind, size, digest)


def _invalid(message: str) -> HostError:
    return HostError(Code.INVALID_REQUEST, message)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _TEXT_CHARACTERS


def _is_number(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most  # a boolean is an int to isinstance


def _is_strength(value: Any) -> bool:
    return type(value) in (int, float) and _STRONGEST_DB <= value <= _GENTLEST_DB


def _is_search(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= _LONGEST_SEARCH_SECONDS


def _matches(pattern: re.Pattern[str], empty_too: bool = False) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and (bool(pattern.fullmatch(value)) or (empty_too and not value))


def _is_passphrase(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _PASSPHRASE_CHARACTERS and not _SURROGATES.search(value)


def _are_versions(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    lowest, highest = value.get("min"), value.get("max")
    return _is_number(highest, 1, _LARGEST_NUMBER) and _is_number(lowest, 1, highest or 0)


def _are_entries(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _MOST_ENTRIES and all(map(_matches(_ENTRY), value))


def _is_origin(value: Any) -> bool:
    return _matches(_ORIGIN, empty_too=True)(value) and len(value) <= _ORIGIN_CHARACTERS and not _CONTROL.search(value)


#: For each action the params it knows: whether they are needed, and whether a value is right.
_PARAMS: Mapping[str, Mapping[str, tuple[bool, Callable[[Any], bool]]]] = {
    "hello": {"protocol": (True, _are_versions), "client": (True, _is_text)},
    "echo": {"payload": (False, lambda _: True)},
    "protect": {
        "page_origin": (True, _is_origin),
        "tier": (False, lambda value: value in ("sealed", "one-pass")),
        "output_mime_type": (False, _matches(_MEDIA_TYPE, empty_too=True)),
        "protected_psnr_db": (False, _is_strength),
        "search_seconds": (False, _is_search),
    },
    "evaluate": {"entry": (False, _matches(_ENTRY))},
    "restore": {"entry": (False, _matches(_ENTRY)), "without_receipt": (False, lambda value: type(value) is bool)},
    "unlock": {"passphrase": (True, _is_passphrase)},
    "ledger_list": {
        "limit": (False, lambda value: _is_number(value, 1, _MOST_ENTRIES)),
        "offset": (False, lambda value: _is_number(value, 0, _LARGEST_NUMBER)),
    },
    "ledger_forget": {"entries": (True, _are_entries)},
}
