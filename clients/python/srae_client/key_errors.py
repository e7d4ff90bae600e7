"""What is said of a key file that cannot be used, and of a passphrase that is missing or another."""

from __future__ import annotations

from pathlib import Path

from srae_client.errors import LocalReason, SraeClientError

#: Names the passphrase, where no person is there to type it.
PASSPHRASE = "SRAE_PASSPHRASE"
#: Names the passphrase of a key file which is imported, where it is another one.
IMPORT_PASSPHRASE = "SRAE_IMPORT_PASSPHRASE"


class KeysDamagedError(SraeClientError):
    """There is a key file, and what is in it is of no use (KEY_UNUSABLE)."""

    def __init__(self, what: str, path: Path | None, is_own: bool) -> None:
        """``path``: of the file, where it is known; ``is_own``: it is the user's key file, and not a copy of one."""
        advice = "Give a file that srae keys export wrote."
        if is_own:
            advice = "Import the copy that you exported, which keeps the damaged file too: srae keys import FILE."
        super().__init__(LocalReason.KEY_UNUSABLE, f"The {_file(path)} cannot be used: {what}. {advice}")


def unreadable(path: Path, error: OSError) -> SraeClientError:
    """The file is there, and may not be read."""
    return SraeClientError(
        LocalReason.KEY_UNUSABLE, f"The {_file(path)} cannot be read: {error.strerror}. Check who may read it."
    )


def leads_nowhere(path: Path) -> SraeClientError:
    """The file is a link, and what it names is not there."""
    return SraeClientError(
        LocalReason.KEY_UNUSABLE,
        f"The {_file(path)} is a link to a file that is not there. Connect the disk that it is on, or remove the link.",
    )


def changed_by_another() -> SraeClientError:
    """Another program has the keys."""
    return SraeClientError(
        LocalReason.KEY_UNUSABLE,
        "Another srae command is changing the keys. Nothing was changed: wait until it has ended, and run this again.",
    )


def unwritable(path: Path, error: OSError) -> SraeClientError:
    """A new key cannot be kept."""
    return SraeClientError(
        LocalReason.KEY_UNUSABLE,
        f"The {_file(path)} cannot be written: {error.strerror}. Check that its folder may be written and that the "
        "disk has room.",
    )


def too_many(count: int, most: int) -> SraeClientError:
    """A file of so many keys could not be read again."""
    return SraeClientError(
        LocalReason.KEY_UNUSABLE,
        f"A key file holds at most {most} keys, and these would be {count}. Nothing was changed: keep the others in "
        "a file of their own.",
    )


def other_passphrase(path: Path | None, is_own: bool) -> SraeClientError:
    """The passphrase that was given opens nothing. ``is_own``: as ``KeysDamagedError`` has it."""
    return SraeClientError(
        LocalReason.KEY_LOCKED,
        f"The {_file(path)} cannot be opened: this is not its passphrase. Type it again, or name it by "
        f"{PASSPHRASE if is_own else IMPORT_PASSPHRASE}.",
    )


def nobody_to_ask(variable: str = PASSPHRASE) -> SraeClientError:
    """A passphrase is needed. ``variable``: of the environment, could name it."""
    return SraeClientError(
        LocalReason.KEY_LOCKED,
        "The key has a passphrase, and nobody is there to be asked for it. Type it at a terminal, or name it by "
        f"{variable}.",
    )


def _file(path: Path | None) -> str:
    return "key file" if path is None else f"key file {path}"
