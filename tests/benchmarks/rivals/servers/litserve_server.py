"""LitServe, as its guide to speed says: two workers, its fast queue, and for the network its batching.

Photos of all sizes are no batch, so that the pipeline takes them one by one.
"""

# No `from __future__ import annotations` here: LitServe hands the annotations themselves to FastAPI.

import asyncio
import base64
import sys
from typing import Annotated

import litserve
from fastapi import Body, Response

from rivals.servers.work import WORKERS, Work

BATCH, BATCH_SECONDS = 8, 0.01


class Json(litserve.LitAPI):
    """JSON with base64, both ways. One photo a prediction."""

    def setup(self, device: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.work = Work.of_worker()

    def decode_request(self, request: dict[str, str]) -> bytes:
        return base64.b64decode(request["data"])

    def predict(self, body: bytes) -> bytes:
        return self.loop.run_until_complete(self.work.protect(body))

    def encode_response(self, output: bytes) -> dict[str, str]:
        return {"data": base64.b64encode(output).decode()}


class Raw(Json):
    """The body as it is, both ways."""

    def decode_request(self, request: Annotated[bytes, Body()]) -> bytes:
        return request

    def encode_response(self, output: bytes) -> Response:
        return Response(output, media_type="application/octet-stream")


class _Network:
    def batch(self, inputs: list[bytes]) -> list[bytes]:
        return inputs

    def unbatch(self, output: list[bytes]) -> list[bytes]:
        return output

    def predict(self: Json, bodies: list[bytes]) -> list[bytes]:
        return self.loop.run_until_complete(self.work.infer(bodies))


class _One:
    def predict(self: Json, body: bytes) -> bytes:
        return self.loop.run_until_complete(self.work.infer([body]))[0]


class NetworkJson(_Network, Json):
    """The network, batched."""


class NetworkRaw(_Network, Raw):
    """The network, batched."""


class NetworkRawOne(_One, Raw):
    """The network without batching, which on a processor may well be faster."""


def main() -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    batching = {"max_batch_size": BATCH, "batch_timeout": BATCH_SECONDS}
    api = {
        "json": lambda: Json(),
        "raw": lambda: Raw(),
        "network-json": lambda: NetworkJson(**batching),
        "network-raw": lambda: NetworkRaw(**batching),
        "network-raw-one": lambda: NetworkRawOne(),
    }[kind]()
    server = litserve.LitServer(
        api, accelerator="cpu", devices=1, workers_per_device=WORKERS, fast_queue=True, timeout=False
    )
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
