"""Health on an address of its own, without TLS: kubelet's gRPC probes speak none. Nothing else is answered there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1.health import aio as health
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from services.rpc import listener
from services.rpc.address import Address


@asynccontextmanager
async def answered(address: Address, servicer: health.HealthServicer) -> AsyncIterator[Address]:
    """Answers grpc.health.v1 while the context lasts, at the address that it gives.

    Raises:
        AddressError: the address cannot be had.
    """
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    add_HealthServicer_to_server(servicer, server)
    with listener.bound(server, address, None, tells_no_secrets=True) as bound:
        await server.start()
        try:
            yield bound
        finally:
            await server.stop(None)
