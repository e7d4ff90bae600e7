"""Whole calls: in process, over gRPC, over gRPC on Triton, and through the browser's native host."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from host_process import HELLO, Host, environment
from srae.v1 import image_pb2 as im
from srae_client.client import Client

from services.imaging import codec, pipeline
from services.imaging.receipt import Tier
from services.inference.embedded import EmbeddedBackend

WIRE = {Tier.ONE_PASS: im.TIER_ONE_PASS, Tier.SEALED: im.TIER_SEALED}
Call = Callable[[bytes, Tier], Any]


def in_process(backend: EmbeddedBackend, loop: asyncio.AbstractEventLoop) -> Call:
    """Decode, protect, encode, as a program does that has the library; nothing is measured on the result.

    The original is not kept any longer than that needs it.
    """

    def call(file: bytes, tier: Tier) -> bytes:
        photo = codec.decode(file)
        return pipeline.write(photo, loop.run_until_complete(pipeline.find_code(photo, tier, backend))).file.data

    return call


@contextmanager
def server(*arguments: str) -> Iterator[tuple[str, int]]:
    """A server of the services in a process of its own: its address and its process's number."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/srae.sock"
        command = [sys.executable, "-m", "services", "--listen", address, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                assert process.stdout is not None
                process.stdout.readline()
                yield address, process.pid
            finally:
                process.terminate()


@contextmanager
def over_grpc(loop: asyncio.AbstractEventLoop, *arguments: str) -> Iterator[Call]:
    """ProtectStream, as the command line calls it: photos in chunks, the result measured by the service."""
    with server(*arguments) as (address, _):
        client = Client(address)

        def call(file: bytes, tier: Tier) -> Any:
            return loop.run_until_complete(client.protect(file, WIRE[tier]))

        loop.run_until_complete(client.__aenter__())
        try:
            yield call
        finally:
            loop.run_until_complete(client.__aexit__(None, None, None))


@contextmanager
def through_the_host() -> Iterator[Call]:
    """The host's protect, frames on pipes, with the service that it starts itself."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        host = stack.enter_context(Host(environment(folder)))
        host.ask("hello", **HELLO)

        def call(file: bytes, tier: Tier) -> Any:
            return host.ask("protect", {"photo": file}, page_origin="https://example.org", tier=tier.value)

        yield call


def triton_is_up(url: str = os.environ.get("SRAE_TRITON_URL", "127.0.0.1:8001")) -> bool:
    """Whether a Triton server answers where ``make triton`` starts one."""
    import tritonclient.grpc as triton

    try:
        with triton.InferenceServerClient(url) as client:
            return bool(client.is_server_ready(client_timeout=2.0))
    except Exception:  # whatever is wrong with it, it is not up
        return False
