"""The error codes of the protocol (PROTOCOL.md, section 6), each with what a person can do about it.

HostError      a request failed; it becomes an ``error`` frame
BrowserGone    nobody reads the host's frames any more
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from srae_client import installing

_AGAIN = "Try again; if it stays so, update the extension and the host to the same version."
_PHOTO = "Choose another photo, or save it in another program first."


class Code(StrEnum):
    """Error codes. Append only: the extension matches on them."""

    def __new__(cls, name: str, hint: str, retryable: bool = False) -> Code:
        code = str.__new__(cls, name)
        code._value_ = name
        code.hint = hint
        code.retryable = retryable
        return code

    hint: str
    retryable: bool

    # The protocol.
    MALFORMED_FRAME = "MALFORMED_FRAME", _AGAIN
    FRAME_TOO_LARGE = "FRAME_TOO_LARGE", _AGAIN
    ORIGIN_NOT_ALLOWED = (
        "ORIGIN_NOT_ALLOWED",
        "This extension is not the one that the host was installed for: srae-host install --extension-id ID",
    )
    HELLO_FIRST = "HELLO_FIRST", _AGAIN
    PROTOCOL_MISMATCH = (
        "PROTOCOL_MISMATCH",
        "The extension and the host are too far apart: update the older of the two.",
    )
    UNKNOWN_ACTION = "UNKNOWN_ACTION", "Update the host, which does not know what the extension asks for."
    INVALID_REQUEST = "INVALID_REQUEST", _AGAIN
    DUPLICATE_ID = "DUPLICATE_ID", _AGAIN
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS", "Wait until some of the photos are done.", True
    CHUNK_OUT_OF_ORDER = "CHUNK_OUT_OF_ORDER", _AGAIN
    CHUNK_INVALID = "CHUNK_INVALID", _AGAIN
    CHUNK_TIMEOUT = "CHUNK_TIMEOUT", "The browser stopped sending the photo. Try again.", True
    FILE_TOO_LARGE = "FILE_TOO_LARGE", "Make the file smaller."
    FILE_SIZE_MISMATCH = "FILE_SIZE_MISMATCH", _AGAIN
    FILE_HASH_MISMATCH = "FILE_HASH_MISMATCH", _AGAIN
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT", "Try again when the computer is less busy, or with a smaller photo.", True
    CANCELLED = "CANCELLED", "Nothing was sent. Start again if you still want it."
    INTERNAL = "INTERNAL", "Try again; if it stays so, run srae-host doctor.", True

    # The service.
    SERVICE_UNREACHABLE = "SERVICE_UNREACHABLE", "Run srae-host doctor: it tells why no service answers.", True
    SERVICE_NOT_INSTALLED = (
        "SERVICE_NOT_INSTALLED",
        f"Install it: {installing.command('embedded')}; or name a server: srae-host install --endpoint HOST:PORT",
    )
    SERVICE_DID_NOT_START = "SERVICE_DID_NOT_START", "Run srae serve to see why."
    SERVICE_BUSY = "SERVICE_BUSY", "Try again in a few seconds.", True
    SERVICE_NOT_READY = "SERVICE_NOT_READY", "Try again in a minute; if it stays so, run srae-host doctor.", True
    SERVICE_TIMEOUT = "SERVICE_TIMEOUT", "Try again when the computer is less busy, or with a smaller photo.", True
    SERVICE_INCOMPATIBLE = "SERVICE_INCOMPATIBLE", "Check the server's address and version: srae-host doctor"
    SERVICE_FAILED = "SERVICE_FAILED", "Try again; if it stays so, look into the server's log.", True
    SERVICE_REFUSED = "SERVICE_REFUSED", _PHOTO

    # The photo.
    EMPTY_IMAGE = "EMPTY_IMAGE", "The file is empty. Choose another."
    NOT_AN_IMAGE = "NOT_AN_IMAGE", "The file is no photo. Choose another."
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT", "Save it as JPEG, PNG or WebP first."
    TRUNCATED_IMAGE = "TRUNCATED_IMAGE", "The file is cut off or damaged. Get it again from where it came from."
    DECOMPRESSION_BOMB = "DECOMPRESSION_BOMB", "Save the photo again in a photo editor."
    ANIMATED_IMAGE = "ANIMATED_IMAGE", "Animations can not be protected. Choose a still photo."
    IMAGE_TOO_SMALL = "IMAGE_TOO_SMALL", "The photo has too few pixels. Choose a larger one."
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE", "The photo has too many pixels. Make it smaller."
    UNSUPPORTED_OUTPUT = "UNSUPPORTED_OUTPUT", "Ask for JPEG or PNG."
    SIZE_MISMATCH = "SIZE_MISMATCH", "The two files are not of one size. Compare the photo with its own protected file."
    UNCHANGED_OUTPUT = "UNCHANGED_OUTPUT", "This photo can not be protected: it came back as it was. " + _PHOTO

    # Restoring, and the ledger.
    NOT_IN_LEDGER = (
        "NOT_IN_LEDGER",
        "No photo like it was protected here. Import the ledger of the computer where it was.",
    )
    UNKNOWN_ENTRY = "UNKNOWN_ENTRY", "The ledger has no such entry any more. Load the list again."
    RECEIPT_MISMATCH = "RECEIPT_MISMATCH", "The receipt is another photo's. Choose the photo's own entry in the list."
    IS_ORIGINAL = "IS_ORIGINAL", "It is the original itself: there is nothing to restore. Keep it as it is."
    RECEIPT_UNREADABLE = "RECEIPT_UNREADABLE", "The receipt is damaged. Import a copy of the ledger that you exported."
    LEDGER_UNUSABLE = "LEDGER_UNUSABLE", "Run srae-host doctor: it tells what is wrong with the ledger."
    LEDGER_FILE_INVALID = "LEDGER_FILE_INVALID", "Choose a file that was exported from a ledger."
    RECEIPT_NOT_YOURS = (
        "RECEIPT_NOT_YOURS",
        "It was sealed for another key. Bring the key from the computer where it was made: srae keys import FILE",
    )
    KEY_LOCKED = (
        "KEY_LOCKED",
        "The key has a passphrase. Type it in the tab that shows the restored photo.",
    )
    KEY_UNUSABLE = (
        "KEY_UNUSABLE",
        "Run srae keys show: it tells what is wrong with the key.",
    )
    KEY_PASSPHRASE_WRONG = "KEY_PASSPHRASE_WRONG", "This is not the key's passphrase. Type it again."

    # Raised by the extension alone, and listed here so that one list has them all.
    HOST_NOT_INSTALLED = "HOST_NOT_INSTALLED", "Install the host, or repair it: srae-host install"
    HOST_FORBIDDEN = "HOST_FORBIDDEN", "The host was installed for another extension: srae-host install"
    HOST_DIED = "HOST_DIED", "Try again; if it stays so, run srae-host doctor.", True
    HOST_SILENT = "HOST_SILENT", "Try again; if it stays so, run srae-host doctor.", True
    HOST_ANSWER_INVALID = "HOST_ANSWER_INVALID", _AGAIN


#: The codes that no host sends: the extension finds them itself.
RAISED_BY_EXTENSION = frozenset(code for code in Code if code.startswith("HOST_"))


class HostError(Exception):
    """A request failed.

    Attributes:
        code: what a program matches on.
        message: what happened this time, for people; the code's hint says what to do.
        detail: what a program may want to know beyond the code.
    """

    def __init__(self, code: Code, message: str, detail: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = dict(detail or {})


class BrowserGone(Exception):
    """The browser closed its end: nothing can be said any more."""
