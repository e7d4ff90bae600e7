"""Calls on connections of their own: HTTP in raw bytes or JSON, our gRPC service, and Triton called directly."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from srae.v1.image_pb2 import TIER_ONE_PASS, TIER_SEALED
from srae.v1.protection_service_pb2 import ProtectOptions, ProtectRequest
from srae.v1.protection_service_pb2_grpc import ProtectionServiceStub

from rivals.closed_loop import Call, Connect
from services.imaging.receipt import Tier

T = TypeVar("T")
_SECONDS = 120
_TIERS = {Tier.ONE_PASS: TIER_ONE_PASS, Tier.SEALED: TIER_SEALED}


def raw(port: int, path: str, body: bytes) -> Connect:
    """The body as it is, both ways."""
    return lambda: _http(port, path, "application/octet-stream", lambda: body, lambda answer: answer)


def json_base64(port: int, path: str, body: bytes) -> Connect:
    """JSON with base64, both ways; encoding and decoding are part of the call, as they are for its user."""

    def encoded() -> bytes:
        return json.dumps({"data": base64.b64encode(body).decode()}).encode()

    return lambda: _http(port, path, "application/json", encoded, lambda a: base64.b64decode(json.loads(a)["data"]))


def _http(port: int, path: str, kind: str, body: Callable[[], bytes], decoded: Callable[[bytes], bytes]) -> Call:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)

    def asked() -> http.client.HTTPResponse:
        connection.request("POST", path, body(), {"Content-Type": kind})
        return connection.getresponse()

    def call() -> bytes:
        try:
            response = asked()
        except (ConnectionError, http.client.RemoteDisconnected):  # servers end connections that lie idle
            connection.close()
            response = asked()
        answer = response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"HTTP {response.status} from {path}: {answer[:300]!r}")
        return decoded(answer)

    return call


def protection_service(address: str, file: bytes, tier: Tier) -> Connect:
    """ProtectionService.Protect."""
    request = ProtectRequest(image=file, options=ProtectOptions(tier=_TIERS[tier]))

    def connect() -> Call:
        channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
        stub = ProtectionServiceStub(channel)
        return lambda: stub.Protect(request, timeout=_SECONDS)

    return connect


class Loop:
    """An event loop in a thread, for callers of asynchronous clients."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="calls", daemon=True).start()

    def wait(self, awaitable: Callable[[], Awaitable[T]]) -> T:
        """Makes and runs it in the loop, and gives what came of it."""

        async def run() -> T:
            return await awaitable()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def caller(self, call: Callable[[], Awaitable[object]]) -> Connect:
        """A caller that shares the loop's client."""
        return lambda: lambda: self.wait(call)
