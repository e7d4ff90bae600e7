"""A unary request as the JSON that ghz sends."""

from __future__ import annotations

from google.protobuf.json_format import MessageToJson
from srae.v1 import image_pb2 as im

from tests.load.calls import Kind, Material, request_of
from tests.load.photos import photo

_WIDTH = 256


def request_json(service: str, tier: str) -> str:
    """One request with a small photo; evaluate compares the photo with itself, for no receipt is at hand."""
    material = Material(photo(_WIDTH), photo(_WIDTH), im.ProtectionReceipt())
    request = request_of(Kind(service, tier, _WIDTH), material)
    if service == "evaluate":
        request.ClearField("options")
    return MessageToJson(request, preserving_proto_field_name=True)
