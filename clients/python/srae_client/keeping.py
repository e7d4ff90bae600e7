"""What ``srae keys``, ``srae ledger`` and ``srae share`` do. None of them calls a server."""

from __future__ import annotations

import getpass
import json
import os
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text
from srae.v1.image_pb2 import ProtectionReceipt

from srae_client import bookkeeping, files, keys, ledger_file, receipts, show
from srae_client.errors import LocalReason, SraeClientError, UsageError
from srae_client.key_holder import PASSPHRASE, PROMPT, KeyHolder, ask_person
from srae_client.ledger import Entry, Ledger

_SHORTEST_ID = 8


def run(arguments: Namespace) -> int:
    """Does what the command line says.

    Raises:
        SraeClientError: it cannot be done.
        UsageError: it makes no sense.
        OSError: a file cannot be read or written.
    """
    action = f"{arguments.command} {arguments.action}" if "action" in arguments else arguments.command
    return _ACTIONS[action](arguments)


def _show_keys(arguments: Namespace) -> int:
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
    print(f"The private keys are in {path}, {lock}. Keep a copy: srae keys export FILE", file=sys.stderr)
    return 0


def _new_key(_: Namespace) -> int:
    path = keys.default_path()
    keyring = keys.own(path)
    ask = _asking_once()
    private = keys.merge(keys.new().private(), keyring.private(ask))
    keys.replace(path, keyring.locked(private, ask() if keyring.lock is not None else ""))
    print(keys.to_text(keys.own(path).public[0]))
    return 0


def _set_passphrase(_: Namespace) -> int:
    path = keys.default_path()
    keyring = keys.own(path)
    private = keyring.private(_asking_once())
    passphrase = os.environ.get("SRAE_NEW_PASSPHRASE")
    if passphrase is None:
        if not sys.stdin.isatty():
            raise UsageError("a new passphrase is typed at a terminal, or named by SRAE_NEW_PASSPHRASE")
        passphrase = getpass.getpass("New passphrase (empty for none): ")
        if getpass.getpass("The same again: ") != passphrase:
            raise UsageError("these were two different passphrases; nothing was changed")
    keys.replace(path, keyring.locked(private, passphrase))
    print("The private keys are under the passphrase." if passphrase else "The private keys have no passphrase.")
    return 0


def _export_keys(arguments: Namespace) -> int:
    keyring = keys.own()
    files.save([(arguments.file,)], (keys.write(keyring),), private=(True,))
    lock = "The passphrase protects it." if keyring.lock else "Whoever has it can open your receipts."
    print(f"keys in {arguments.file}: {len(keyring.public)}. {lock}")
    return 0


def _import_keys(arguments: Namespace) -> int:
    path = keys.default_path()
    theirs, ours = keys.parse(arguments.file.read_bytes()), keys.load(path)
    ask, ask_theirs = _asking_once(), _asking_once("Passphrase of the file: ")
    if ours is None:
        theirs.private(ask_theirs)  # whether they are whole
        files.save([(path,)], (keys.write(theirs),), private=(True,))
        print(f"keys added: {len(theirs.public)}.")
        return 0
    mine, brought = ours.private(ask), theirs.private(ask_theirs)
    merged = keys.merge(mine, brought)
    keys.replace(path, ours.locked(merged, ask() if ours.lock is not None else ""))
    print(f"keys added: {len(merged) - len(mine)}. New receipts are sealed with your own key, as before.")
    return 0


def _asking_once(prompt: str = PROMPT) -> keys.Ask:
    """Asks for the passphrase when it is first needed, and remembers it."""
    ask = ask_person(prompt)
    told: list[str] = []

    def once() -> str:
        if ask is None:
            raise UsageError(f"the keys have a passphrase: type it at a terminal, or name it by {PASSPHRASE}")
        if not told:
            told.append(ask())
        return told[0]

    return once


def _list_ledger(arguments: Namespace) -> int:
    ledger = Ledger()
    if arguments.limit < 1:
        raise UsageError("--limit is a number above 0")
    entries, total = ledger.entries(arguments.limit), ledger.count()
    if arguments.json:
        told = [{name: value for name, value in asdict(entry).items() if name != "receipt"} for entry in entries]
        print(json.dumps({"path": str(ledger.path), "total": total, "entries": told}, indent=2))
        return 0
    table = Table("When (UTC)", "Photo", "Size", "Where", "Tier", "Protected", "Id", show_edge=False, pad_edge=False)
    for entry in entries:
        table.add_row(*map(Text, _row(entry)))
    show.results_console().print(table)
    print(f"{len(entries)} of {total} photos, in {ledger.path}")
    return 0


def _row(entry: Entry) -> tuple[str, ...]:
    when = entry.protected_at[:16].replace("T", " ")
    verdict = {True: "yes", False: "NO", None: "not asked"}[entry.is_protected]
    size = f"{entry.width} x {entry.height}"
    return when, entry.file_name, size, entry.page_origin or "-", entry.tier, verdict, entry.id


def _forget(arguments: Namespace) -> int:
    ledger = Ledger()
    known = [entry.id for entry in ledger.entries()]
    chosen = []
    for given in arguments.entries:
        found = [identity for identity in known if identity.startswith(given) and len(given) >= _SHORTEST_ID]
        if len(found) != 1:
            why = "several entries" if found else "no entry"
            raise UsageError(f"{given} is the beginning of {why}; nothing was forgotten (srae ledger list shows ids)")
        chosen += found
    print(f"forgotten: {ledger.forget(chosen)}")
    return 0


def _export_ledger(arguments: Namespace) -> int:
    entries = Ledger().entries()
    files.save([(arguments.file,)], (ledger_file.write(entries),), private=(True,))
    print(f"entries in {arguments.file}: {len(entries)}. The key that opens them: srae keys export FILE")
    return 0


def _import_ledger(arguments: Namespace) -> int:
    entries = ledger_file.read(arguments.file.read_bytes())
    added = Ledger().add(entries)
    print(f"added: {added}, known already: {len(entries) - added}")
    return 0


def _share(arguments: Namespace) -> int:
    if arguments.output is None and not arguments.text and sys.stdout.isatty():
        raise UsageError("a receipt is no text: name a file with -o FILE, or ask for --text")
    holder, friends = KeyHolder(ask_person()), [keys.from_text(text) for text in arguments.to]
    receipt = receipts.seal(_receipt_of(arguments.source, holder), holder, friends)
    content = receipts.to_text(receipt) if arguments.text else receipt
    if arguments.output is None:
        sys.stdout.buffer.write(content)
        return 0
    files.save([(arguments.output,)], (content,), private=(True,))
    print(f"{arguments.output} can be opened with {len(set(friends)) + 1} keys, yours included")
    return 0


def _receipt_of(source: Path, holder: KeyHolder) -> ProtectionReceipt:
    """The receipt that a file is, or of the photo that it is: the one beside it, else the ledger's."""
    path = receipts.path_for(source, None)
    if path is not None:
        return receipts.read(path, holder)
    data = source.read_bytes()
    if receipts.looks_like_one(data):
        return receipts.read(source, holder)
    for found_by, match in bookkeeping.candidates(Ledger(), data):
        if found_by == "sha256":  # a look-alike could be another photo, whose receipt must not be given away
            return receipts.unpack(match.entry.receipt, holder)
    raise SraeClientError(
        LocalReason.NOT_IN_LEDGER,
        f"There is no receipt beside {source}, and the ledger has none for exactly this file.",
    )


_ACTIONS = {
    "keys show": _show_keys,
    "keys new": _new_key,
    "keys passphrase": _set_passphrase,
    "keys export": _export_keys,
    "keys import": _import_keys,
    "ledger list": _list_ledger,
    "ledger forget": _forget,
    "ledger export": _export_ledger,
    "ledger import": _import_ledger,
    "share": _share,
}
