"""Every way in which a call can be refused. Each has a reason code, a gRPC status and a sentence that says what to do.

SraeError
+-- InvalidImageError      the bytes are not a photo that can be protected
+-- InvalidReceiptError    the receipt does not fit
+-- InvalidRequestError    the call itself is off
+-- UnknownModelError      no such model or version
+-- UnavailableError       a model cannot answer now; a retry can help
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Reason codes, as sent in google.rpc.ErrorInfo. Append only: clients match on them."""

    EMPTY_IMAGE = "EMPTY_IMAGE"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    TRUNCATED_IMAGE = "TRUNCATED_IMAGE"
    DECOMPRESSION_BOMB = "DECOMPRESSION_BOMB"
    ANIMATED_IMAGE = "ANIMATED_IMAGE"
    IMAGE_TOO_SMALL = "IMAGE_TOO_SMALL"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    SIZE_MISMATCH = "SIZE_MISMATCH"
    RECEIPT_INVALID = "RECEIPT_INVALID"
    RECEIPT_MISMATCH = "RECEIPT_MISMATCH"
    UNKNOWN_MODEL = "UNKNOWN_MODEL"
    UNSUPPORTED_OUTPUT = "UNSUPPORTED_OUTPUT"
    STREAM_OUT_OF_ORDER = "STREAM_OUT_OF_ORDER"
    CHUNK_TOO_LARGE = "CHUNK_TOO_LARGE"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    INVALID_OPTION = "INVALID_OPTION"
    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"
    OVERLOADED = "OVERLOADED"
    INTERNAL = "INTERNAL"
    IS_ORIGINAL = "IS_ORIGINAL"


class SraeError(Exception):
    """Base of every refusal. ``field`` names the request's field at fault, as the API spells it, where there is one."""

    def __init__(self, reason: Reason, message: str, field: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field


class InvalidImageError(SraeError):
    """The bytes are not a photo that can be protected."""

    def __init__(self, reason: Reason, message: str, field: str = "image") -> None:
        super().__init__(reason, message, field)


class InvalidReceiptError(SraeError):
    """The receipt is missing, malformed, or another photo's."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(reason, message, "options.receipt")


class InvalidRequestError(SraeError):
    """The call itself is off: an unknown option, chunks out of order."""


class UnknownModelError(SraeError):
    """No model of that name and version is served."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.UNKNOWN_MODEL, message)


class UnavailableError(SraeError):
    """A model cannot answer now. A retry after ``retry_seconds`` can help."""

    def __init__(self, message: str, reason: Reason = Reason.MODEL_UNAVAILABLE, retry_seconds: float = 1.0) -> None:
        super().__init__(reason, message)
        self.retry_seconds = retry_seconds
