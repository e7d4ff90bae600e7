"""The command line of what the owner keeps: keys, ledger, receipts."""

from __future__ import annotations

import argparse

from srae_client import given_paths

_KEYS = """\
examples:
  srae keys show                   prints the public key, for friends: srae protect --to KEY
  srae keys export backup.json     copies the keys to a file; whoever has it can open your receipts
  srae keys import backup.json     on another computer, or after a loss
  srae keys new                    seals with a new key from now on; the old ones still open
  srae keys passphrase             puts the private keys under a passphrase (empty: takes it off)

A key is made when the first photo is protected. With a passphrase, protecting asks for nothing; restoring asks, on the
command line and in the browser. Where nobody can type, SRAE_PASSPHRASE names it, SRAE_NEW_PASSPHRASE a new one, and
SRAE_IMPORT_PASSPHRASE that of a file which is imported, where it is another. Keys that come under a passphrase stay
under one: where yours had none, all get the file's. SRAE_KEYS names another file than keys.json in your config folder.
"""
_LEDGER = """\
examples:
  srae ledger list                    what was protected where and when, newest first
  srae ledger list --json
  srae ledger forget 5f0c...          deletes an entry and its receipt, for good
  srae ledger export ledger.txt       all entries with their receipts, sealed as they are
  srae ledger import ledger.txt       adds what is not known yet; the key comes with srae keys import

SRAE_LEDGER names another file than ledger.sqlite3 in your data folder.
"""
_SHARE = """\
examples:
  srae share cat-edited.png --to srae-key-1-... -o cat.receipt    a receipt that a friend can open, and you
  srae share cat-edited.png.receipt --text                        as text, for a letter

The friend gives it with: srae restore cat-edited.png --receipt cat.receipt
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands ``keys``, ``ledger`` and ``share``."""
    keys = _command(commands, "keys", "show, export, import or renew the keys that open receipts", _KEYS)
    _add_keys(keys.add_subparsers(dest="action", required=True, metavar="ACTION"))
    ledger = _command(commands, "ledger", "show what was protected where and when; export and import it", _LEDGER)
    _add_ledger(ledger.add_subparsers(dest="action", required=True, metavar="ACTION"))
    share = _command(commands, "share", "give somebody else what restores a photo", _SHARE)
    share.add_argument("source", type=given_paths.path, metavar="PHOTO", help="a protected photo, or its receipt")
    share.add_argument(
        "--to", action="append", default=[], metavar="KEY", help="a friend's public key; repeat for more"
    )
    share.add_argument(
        "-o",
        "--output",
        type=given_paths.path_or_nothing,
        metavar="FILE",
        help="file to write (default: standard output)",
    )
    share.add_argument("--text", action="store_true", help="write it as text that survives a letter")


def _add_keys(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = actions.add_parser("show", help="print the public key, and where the keys are")
    show.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    actions.add_parser("new", help="make a new key to seal with; the old ones still open")
    actions.add_parser("passphrase", help="put the private keys under a passphrase, or take it off")
    export = actions.add_parser("export", help="copy the keys to a file that only you can read")
    export.add_argument(
        "file", type=given_paths.path, metavar="FILE", help="file to write; nothing is ever overwritten"
    )
    brought = actions.add_parser("import", help="add the keys in a file to your own")
    brought.add_argument("file", type=given_paths.path, metavar="FILE", help="a file that srae keys export wrote")


def _add_ledger(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listed = actions.add_parser("list", help="list the entries, newest first")
    listed.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (default: 100)")
    listed.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    forget = actions.add_parser("forget", help="delete entries and their receipts, for good")
    forget.add_argument("entries", nargs="+", metavar="ID", help="an entry's id, or its first letters (8 or more)")
    export = actions.add_parser("export", help="write all entries with their receipts to a file")
    export.add_argument(
        "file", type=given_paths.path, metavar="FILE", help="file to write; nothing is ever overwritten"
    )
    brought = actions.add_parser("import", help="add entries from a file that was exported")
    brought.add_argument("file", type=given_paths.path, metavar="FILE", help="a file that srae ledger export wrote")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str, examples: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
