"""What ``srae keys`` does."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from itertools import count
from pathlib import Path

from srae_client import files, key_errors, keys
from srae_client.errors import UsageError
from srae_client.key_errors import IMPORT_PASSPHRASE, PASSPHRASE, KeysDamagedError
from srae_client.key_holder import PROMPT, ask_hidden, ask_person
from srae_client.keys import Keyring
from srae_client.show import readable


def show(arguments: Namespace) -> int:
    """``srae keys show``."""
    path = keys.default_path()
    keyring = keys.own(path)
    public, is_locked = [keys.to_text(key) for key in keyring.public], keyring.lock is not None
    if arguments.json:
        told = {"public": public[0], "older": public[1:], "has_passphrase": is_locked, "path": str(path)}
        print(json.dumps(told, indent=2))
        return 0
    print(public[0])
    for older in public[1:]:
        print(f"{older} (older; it still opens)")
    lock = "under a passphrase" if is_locked else "without a passphrase"
    told_path = readable(str(path))
    print(f"The private keys are in {told_path}, {lock}. Keep a copy: srae keys export FILE", file=sys.stderr)
    return 0


def renew(_: Namespace) -> int:
    """``srae keys new``."""
    path, made, ask = keys.default_path(), keys.new(), _asking_once()
    with keys.changing(path):
        keyring = keys.own(path)
        private = keys.merge(made.private(), keyring.private(ask))
        keys.replace(path, keyring.locked(private, _passphrase(keyring, ask)))
    print(keys.to_text(made.public[0]))
    return 0


def set_passphrase(_: Namespace) -> int:
    """``srae keys passphrase``."""
    path = keys.default_path()
    with keys.changing(path):
        keyring = keys.own(path)
        private = keyring.private(_asking_once())
        passphrase = _new_passphrase()
        keys.replace(path, keyring.locked(private, passphrase))
    print("The private keys are under the passphrase." if passphrase else "The private keys have no passphrase.")
    return 0


def _new_passphrase() -> str:
    named = os.environ.get("SRAE_NEW_PASSPHRASE")
    if named is not None:
        return named
    if not sys.stdin.isatty():
        raise UsageError("a new passphrase is typed at a terminal, or named by SRAE_NEW_PASSPHRASE")
    passphrase = ask_hidden("New passphrase (empty for none): ")
    if ask_hidden("The same again: ") != passphrase:
        raise UsageError("these were two different passphrases; nothing was changed")
    return passphrase


def export(arguments: Namespace) -> int:
    """``srae keys export``."""
    keyring = keys.own()
    files.save([(arguments.file,)], (keys.write(keyring),), private=(True,))
    lock = "The passphrase protects it." if keyring.lock else "Whoever has it can open your receipts."
    print(f"keys in {readable(str(arguments.file))}: {len(keyring.public)}. {lock}")
    return 0


def bring(arguments: Namespace) -> int:
    """``srae keys import``. What was under a passphrase on either side stays under one."""
    path = keys.default_path()
    with keys.changing(path):
        return _bring(path, arguments.file)


def _bring(path: Path, file: Path) -> int:
    theirs = keys.parse(file.read_bytes(), file)
    ask, ask_theirs = _asking_once(), _asking_once("Passphrase of the file: ", IMPORT_PASSPHRASE, PASSPHRASE)
    brought = theirs.private(ask_theirs)  # whether they are whole, before anything of ours is touched
    try:
        ours = keys.load(path)
        mine = ours.private(ask) if ours is not None else []
    except KeysDamagedError:
        aside = _copied_aside(path)
        keys.replace(path, theirs)
        print(f"keys added: {len(brought)}. {readable(str(path))} was damaged; what was in it is in {aside} now.")
        return 0
    if ours is None:
        files.save([(path,)], (keys.write(theirs),), private=(True,))
        print(f"keys added: {len(brought)}.")
        return 0
    merged = keys.merge(mine, brought)
    added = len(merged) - len(mine)
    if added:
        takes_lock = ours.lock is None and theirs.lock is not None
        keys.replace(path, ours.locked(merged, _passphrase(ours, ask) or _passphrase(theirs, ask_theirs)))
        if takes_lock:
            print("The file's keys have a passphrase, and all of yours have it now. srae keys passphrase changes it.")
    print(f"keys added: {added}. New receipts are sealed with your own key, as before.")
    return 0


def _passphrase(keyring: Keyring, ask: keys.Ask) -> str:
    return ask() if keyring.lock is not None else ""


def _copied_aside(path: Path) -> str:
    """Keeps a damaged key file under another name: some of it may still be saved by hand. The name, as text."""
    names = (path.with_name(f"{path.name}.damaged" + (f"-{number}" if number > 1 else "")) for number in count(1))
    (aside,) = files.save(((name,) for name in names), (path.read_bytes(),), private=(True,))
    return readable(str(aside))


def _asking_once(prompt: str = PROMPT, *variables: str) -> keys.Ask:
    """Asks for a passphrase when it is first needed, and remembers it. ``variables``: as ``ask_person`` has them."""
    named = variables or (PASSPHRASE,)
    ask = ask_person(prompt, *named)
    told: list[str] = []

    def once() -> str:
        if ask is None:
            raise key_errors.nobody_to_ask(named[0])
        if not told:
            told.append(ask())
        return told[0]

    return once
