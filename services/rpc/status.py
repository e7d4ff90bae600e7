"""From an exception to the status that goes over the wire: google.rpc.Status, always with ErrorInfo."""

from __future__ import annotations

import math

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from services.errors import Reason, SraeError, UnavailableError

DOMAIN = "srae"

#: gRPC's canonical code, a reason.
CODES = dict.fromkeys(Reason, grpc.StatusCode.INVALID_ARGUMENT) | {
    Reason.UNKNOWN_MODEL: grpc.StatusCode.NOT_FOUND,
    Reason.PAYLOAD_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.OVERLOADED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.MODEL_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Reason.INTERNAL: grpc.StatusCode.INTERNAL,
}

#: A status travels in HTTP/2 headers, percent-encoded and again in base64; beyond 8 KiB of them, clients drop it.
_MESSAGE_LIMIT = 300


def reason_of(error: Exception) -> Reason:
    """The reason code. Whatever nobody foresaw is INTERNAL."""
    return error.reason if isinstance(error, SraeError) else Reason.INTERNAL


def status_of(error: Exception, request_id: str) -> Status:
    """The whole status: code, sentence, and details. Of an unforeseen error it tells nothing but the request id."""
    reason = reason_of(error)
    if isinstance(error, SraeError):
        message = str(error) if len(str(error)) <= _MESSAGE_LIMIT else f"{str(error)[:_MESSAGE_LIMIT]}..."
    else:
        message = f"The service failed. Try again; if it stays, report request {request_id}."
    details: list[Message] = [ErrorInfo(reason=reason, domain=DOMAIN, metadata={"request_id": request_id})]
    if isinstance(error, SraeError) and error.field:
        violation = BadRequest.FieldViolation(field=error.field, description=message, reason=reason)
        details.append(BadRequest(field_violations=[violation]))
    if isinstance(error, UnavailableError):
        details.append(RetryInfo(retry_delay=_duration(error.retry_seconds)))
    return Status(code=CODES[reason].value[0], message=message, details=[_packed(detail) for detail in details])


def _duration(seconds: float) -> Duration:
    fraction, whole = math.modf(seconds)
    return Duration(seconds=int(whole), nanos=int(fraction * 1e9))


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
