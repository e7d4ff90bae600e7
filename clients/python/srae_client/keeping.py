"""What ``srae keys``, ``srae ledger`` and ``srae share`` do. None of them calls a server."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text
from srae.v1.image_pb2 import ProtectionReceipt

from srae_client import bookkeeping, files, keeping_keys, keys, ledger_file, receipts, show
from srae_client.errors import LocalReason, SraeClientError, UsageError
from srae_client.key_holder import KeyHolder, ask_person
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


def _list_ledger(arguments: Namespace) -> int:
    ledger = Ledger()
    if arguments.limit < 1:
        raise UsageError("--limit is a number above 0")
    total = ledger.count()
    entries = ledger.entries(min(arguments.limit, total))  # more than SQLite can count is all
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
        if len(given) < _SHORTEST_ID:
            raise UsageError(
                f"{given} is too short: give {_SHORTEST_ID} letters of an id or more; nothing was forgotten (srae "
                "ledger list shows ids)"
            )
        found = [identity for identity in known if identity.startswith(given)]
        if len(found) != 1:
            why = "several entries" if found else "no entry"
            raise UsageError(f"{given} is the beginning of {why}; nothing was forgotten (srae ledger list shows ids)")
        chosen += found
    print(f"forgotten: {ledger.forget(chosen)}")
    return 0


def _export_ledger(arguments: Namespace) -> int:
    entries = Ledger().entries()
    files.save([(arguments.file,)], (ledger_file.write(entries),), private=(True,))
    name = show.readable(str(arguments.file))
    print(f"entries in {name}: {len(entries)}. The key that opens them: srae keys export FILE")
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
    opening = {holder.public(), *friends}
    with_what = f"{len(opening)} keys, yours included" if len(opening) > 1 else "your key alone"
    print(f"{show.readable(str(arguments.output))} can be opened with {with_what}")
    return 0


def _receipt_of(source: Path, holder: KeyHolder) -> ProtectionReceipt:
    """The receipt that a file is, or of the photo that it is: the one beside it, else the ledger's."""
    path = receipts.path_for(source, None)
    if path is not None:
        return receipts.read(path, holder)
    if not source.exists():
        raise files.not_found(source)
    data = source.read_bytes()
    if receipts.looks_like_one(data):
        return receipts.read(source, holder)
    refusals = []
    for found_by, match in bookkeeping.candidates(Ledger(), data):
        if found_by == "sha256":  # a look-alike could be another photo, whose receipt must not be given away
            try:
                return _unpacked(match.entry, holder)
            except SraeClientError as error:  # the same file may have been protected with another key, too
                if error.reason not in (LocalReason.RECEIPT_NOT_YOURS, LocalReason.RECEIPT_UNREADABLE):
                    raise
                refusals.append(error)
    if refusals:
        raise refusals[0]
    raise SraeClientError(
        LocalReason.NOT_IN_LEDGER,
        f"There is no receipt beside {source}, and the ledger has none for exactly this file. Name the receipt in its "
        "place, or import the ledger that has it: srae ledger import FILE.",
    )


def _unpacked(entry: Entry, holder: KeyHolder) -> ProtectionReceipt:
    try:
        return receipts.unpack(entry.receipt, holder)
    except ValueError as error:
        raise ledger_file.damaged(entry, error) from None


_ACTIONS = {
    "keys show": keeping_keys.show,
    "keys new": keeping_keys.renew,
    "keys passphrase": keeping_keys.set_passphrase,
    "keys export": keeping_keys.export,
    "keys import": keeping_keys.bring,
    "ledger list": _list_ledger,
    "ledger forget": _forget,
    "ledger export": _export_ledger,
    "ledger import": _import_ledger,
    "share": _share,
}
