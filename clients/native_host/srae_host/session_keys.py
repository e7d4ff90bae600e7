"""The user's keys while the browser runs: opened once with the passphrase, and kept in memory until the host ends."""

from __future__ import annotations

from srae_client import keys
from srae_client.errors import LocalReason, SraeClientError
from srae_client.key_holder import KeyHolder
from srae_client.keys import Keyring

from srae_host.errors import Code, HostError


class SessionKeys(KeyHolder):
    """Reads the key file anew each time, so that keys that were brought meanwhile count.

    What was opened is the private keys: the passphrase itself is not kept.
    """

    _opened: tuple[Keyring, list[bytes]] | None = None

    def open(self, passphrase: str) -> None:
        """Opens the private keys; nothing is to be done where they have no passphrase.

        Raises:
            HostError: it is another passphrase (KEY_PASSPHRASE_WRONG).
            SraeClientError: the keys cannot be read.
        """
        found = keys.load(self.path)
        if found is None or found.lock is None:
            return
        try:
            self._opened = found, found.private(lambda: passphrase)
        except SraeClientError as error:
            if error.reason != LocalReason.KEY_LOCKED:
                raise
            raise HostError(Code.KEY_PASSPHRASE_WRONG, "This is not the key's passphrase.") from None

    def private(self) -> list[bytes]:
        """All keys to open with; none where no key was made yet.

        Raises:
            SraeClientError: they cannot be read, or are under a passphrase that was not given for them.
        """
        found = keys.load(self.path)
        if self._opened is not None and self._opened[0] == found:
            return self._opened[1]
        return found.private() if found is not None else []
