"""How a channel spreads its calls over several servers, and what happens to those of a server that goes away."""

from __future__ import annotations

import json

#: Protecting, restoring and evaluating change nothing on the server, so a call can be made again anywhere.
_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],  # all methods
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
#: gRPC sends a call again only while it holds all that was sent; its default of 256 KiB is smaller than a photo.
_HELD_BYTES = 256 * 1024 * 1024

OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.service_config", json.dumps(_CONFIG)),
    ("grpc.per_rpc_retry_buffer_size", _HELD_BYTES),
)
