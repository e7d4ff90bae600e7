"""What can go wrong for a client. Each error has a reason code and a sentence that says what to do.

SraeClientError    something was refused or failed: by the server (its own reason codes) or here (``LocalReason``)
UsageError         the command line makes no sense
"""

from __future__ import annotations

import errno
from enum import StrEnum


class LocalReason(StrEnum):
    """Reason codes of what the client itself finds. Those of the server are passed on as they come."""

    NOT_FOUND = "NOT_FOUND"
    NO_PHOTOS = "NO_PHOTOS"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    CANNOT_ACCESS_FILE = "CANNOT_ACCESS_FILE"
    OUTPUT_EXISTS = "OUTPUT_EXISTS"
    RECEIPT_UNREADABLE = "RECEIPT_UNREADABLE"
    INVALID_ENDPOINT = "INVALID_ENDPOINT"
    INVALID_CA = "INVALID_CA"
    UNREACHABLE = "UNREACHABLE"
    NOT_SRAE = "NOT_SRAE"
    TIMEOUT = "TIMEOUT"
    REFUSED = "REFUSED"
    INCOMPLETE_ANSWER = "INCOMPLETE_ANSWER"
    SERVER_NOT_INSTALLED = "SERVER_NOT_INSTALLED"
    SERVER_DID_NOT_START = "SERVER_DID_NOT_START"
    RECEIPT_NOT_YOURS = "RECEIPT_NOT_YOURS"
    KEY_INVALID = "KEY_INVALID"
    KEY_LOCKED = "KEY_LOCKED"
    KEY_UNUSABLE = "KEY_UNUSABLE"
    LEDGER_UNUSABLE = "LEDGER_UNUSABLE"
    LEDGER_FILE_INVALID = "LEDGER_FILE_INVALID"
    NOT_IN_LEDGER = "NOT_IN_LEDGER"
    OTHER_FORMAT = "OTHER_FORMAT"
    NO_RECEIPT = "NO_RECEIPT"
    RAY_FAILED = "RAY_FAILED"
    NOT_A_FILE = "NOT_A_FILE"


class SraeClientError(Exception):
    """A call or a file failed.

    Attributes:
        reason: the server's reason code, or a ``LocalReason``.
        message: what happened, and what to do.
        retryable: whether the server says that the same call can succeed later.
        field: the request's field at fault, where the server names one.
    """

    def __init__(self, reason: str, message: str, retryable: bool = False, field: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retryable = retryable
        self.field = field


#: What to do after errors of the operating system that neither rights nor room would mend.
_ADVICE = {errno.ENAMETOOLONG: "Use a shorter name: -o FILE gives one to what is written."}


def file_error(error: OSError) -> SraeClientError:
    """An error of the operating system, in a sentence."""
    name = error.filename2 or error.filename
    where = f"{name}: " if name else ""
    advice = _ADVICE.get(error.errno or 0, "Check that it may be read or written and that the disk has room.")
    return SraeClientError(LocalReason.CANNOT_ACCESS_FILE, f"{where}{error.strerror or error}. {advice}")


class UsageError(Exception):
    """The options contradict each other; nothing was done."""
