"""A failed gRPC call as an ``SraeClientError``: the server's reason where it gave one, a plain sentence otherwise."""

from __future__ import annotations

from typing import cast

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from srae_client.endpoint import parse
from srae_client.errors import LocalReason, SraeClientError

#: For failures that say nothing about themselves: the reason, and what to do. ``{address}`` is the server's.
_PLAIN = {
    grpc.StatusCode.UNAVAILABLE: (
        LocalReason.UNREACHABLE,
        "No server answers at {address}. Check the address, or start one with `srae serve`.",
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        LocalReason.TIMEOUT,
        "The server at {address} did not finish in time. Try again when it is less busy, or with a smaller photo.",
    ),
    grpc.StatusCode.UNIMPLEMENTED: (
        LocalReason.NOT_SRAE,
        "The server at {address} does not offer this service. Check the address and the server's version.",
    ),
}


def translate(error: grpc.RpcError, address: str) -> SraeClientError:
    """What to tell the caller about a failed call to the server at ``address``."""
    call = cast(grpc.Call, error)  # which it always is, though no type says so
    info = error_details_pb2.ErrorInfo()
    request = error_details_pb2.BadRequest()
    details = _details(call)
    retryable = any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in details)
    if any(detail.Unpack(info) for detail in details):
        field = request.field_violations[0].field if any(detail.Unpack(request) for detail in details) else ""
        return SraeClientError(info.reason, call.details() or info.reason, retryable, field)
    if call.code() == grpc.StatusCode.UNAVAILABLE and parse(address).is_spread:
        retryable = True  # this server is gone, and others may be there
    reason, sentence = _PLAIN.get(call.code(), (LocalReason.REFUSED, "The server at {address} refused the call."))
    said = f" ({call.details()})" if call.details() else ""
    return SraeClientError(reason, sentence.format(address=address) + said, retryable)


def unreachable(address: str) -> SraeClientError:
    """What to tell the caller when no server takes calls at ``address``."""
    reason, sentence = _PLAIN[grpc.StatusCode.UNAVAILABLE]
    return SraeClientError(reason, sentence.format(address=address))


def _details(call: grpc.Call) -> list[Any]:
    try:
        status = rpc_status.from_call(call)
    except ValueError:  # what the trailer says is not what the call says: a proxy replaced the status
        return []
    return list(status.details) if status is not None else []
