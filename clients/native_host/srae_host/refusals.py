"""What the client library refuses, in the protocol's error codes."""

from __future__ import annotations

from srae_client.errors import LocalReason, SraeClientError

from srae_host.errors import Code, HostError

#: The library's and the service's reasons whose code has another name.
_CODES: dict[str, Code] = {
    LocalReason.UNREACHABLE: Code.SERVICE_UNREACHABLE,
    LocalReason.TIMEOUT: Code.SERVICE_TIMEOUT,
    LocalReason.NOT_SRAE: Code.SERVICE_INCOMPATIBLE,
    LocalReason.INVALID_ENDPOINT: Code.SERVICE_INCOMPATIBLE,
    LocalReason.INVALID_CA: Code.SERVICE_INCOMPATIBLE,
    LocalReason.REFUSED: Code.SERVICE_FAILED,
    LocalReason.INCOMPLETE_ANSWER: Code.SERVICE_FAILED,
    LocalReason.SERVER_NOT_INSTALLED: Code.SERVICE_NOT_INSTALLED,
    LocalReason.SERVER_DID_NOT_START: Code.SERVICE_DID_NOT_START,
    LocalReason.CANNOT_ACCESS_FILE: Code.INTERNAL,
    LocalReason.KEY_INVALID: Code.KEY_UNUSABLE,
    "RECEIPT_INVALID": Code.RECEIPT_UNREADABLE,
    "UNKNOWN_MODEL": Code.SERVICE_INCOMPATIBLE,
    "STREAM_OUT_OF_ORDER": Code.SERVICE_INCOMPATIBLE,
    "CHUNK_TOO_LARGE": Code.SERVICE_INCOMPATIBLE,
    "INVALID_OPTION": Code.SERVICE_INCOMPATIBLE,
    "PAYLOAD_TOO_LARGE": Code.FILE_TOO_LARGE,
    "OVERLOADED": Code.SERVICE_BUSY,
    "MODEL_UNAVAILABLE": Code.SERVICE_NOT_READY,
    "INTERNAL": Code.SERVICE_FAILED,
}


def translate(error: SraeClientError) -> HostError:
    """The refusal as an error of the protocol; the reason stays in its ``detail``."""
    reason = str(error.reason)
    detail = {"reason": reason, **({"field": error.field} if error.field else {})}
    if reason in _CODES:
        return HostError(_CODES[reason], error.message, detail)
    code = Code.__members__.get(reason, Code.SERVICE_REFUSED)
    return HostError(code, error.message, detail)
