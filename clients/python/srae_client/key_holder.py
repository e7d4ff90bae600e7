"""Who seals and opens: the user's keys, read when they are first needed and a passphrase asked for at most once."""

from __future__ import annotations

import getpass
import os
import sys
from functools import partial
from pathlib import Path

from srae_client import key_errors, keys
from srae_client.key_errors import PASSPHRASE
from srae_client.keys import Ask

PROMPT = "Passphrase of your key: "


class KeyHolder:
    """The user's keys.

    Attributes:
        path: the key file.
    """

    def __init__(self, ask: Ask | None = None, path: Path | None = None) -> None:
        """``ask``: how to get at the passphrase; None where nobody can be asked."""
        self.path = path or keys.default_path()
        self._ask = ask
        self._private: list[bytes] | None = None

    def public(self) -> bytes:
        """The key to seal with, made where there is none.

        Raises:
            SraeClientError: the keys cannot be read, or not kept.
        """
        return keys.own(self.path).public[0]

    def unlock(self) -> None:
        """Asks for the passphrase now, where there is one and somebody to ask, and not in the middle of the work.

        Raises:
            SraeClientError: the keys cannot be read, or it is another passphrase.
        """
        found = keys.load(self.path)
        if found is not None and found.lock is not None and self._ask is not None:
            self._private = found.private(self._ask)

    def private(self) -> list[bytes]:
        """All keys to open with; none where no key was made yet.

        Raises:
            SraeClientError: they cannot be read, or are under a passphrase that was not given.
        """
        if self._private is None:
            found = keys.load(self.path)
            self._private = found.private(self._ask) if found is not None else []
        return self._private


def ask_person(prompt: str = PROMPT, *variables: str) -> Ask | None:
    """Asks at the terminal, unless the environment tells; None where neither can be.

    Args:
        variables: of the environment, the first that is set counts; PASSPHRASE where none are named.
    """
    for name in variables or (PASSPHRASE,):
        given = os.environ.get(name)
        if given is not None:
            return partial(str, given)
    return partial(ask_hidden, prompt) if sys.stdin.isatty() else None


def ask_hidden(prompt: str) -> str:
    """What a person types at the terminal, which does not show it.

    Raises:
        SraeClientError: nothing was typed before the input ended (KEY_LOCKED).
    """
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise key_errors.nobody_to_ask() from None
