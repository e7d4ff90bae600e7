"""The server's fetch, once; and what its tests share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from triton_support import Server, answering, copied, prepared, serving

from services.inference.backend import Backend
from services.inference.embedded import EmbeddedBackend
from services.inference.signature import SIGNATURES
from services.inference.triton import TritonBackend
from services.triton_server.fetch import HOME, Installation, installation


@pytest.fixture(scope="session")
def triton() -> Installation:
    """The server's files, fetched unless they are there (SRAE_TRITON_HOME)."""
    return installation(Path(os.environ.get("SRAE_TRITON_HOME") or HOME))


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of every model."""
    return copied(tmp_path_factory.mktemp("models") / "repository", list(SIGNATURES))


@pytest.fixture(scope="session")
def server(triton: Installation, repository: Path) -> Iterator[Server]:
    """A server with every model."""
    server = prepared(triton, repository)
    with serving(server) as url:
        asyncio.run(answering(url, list(SIGNATURES)))
        yield server


@pytest.fixture
async def backends(server: Server, repository: Path) -> AsyncIterator[dict[str, Backend]]:
    """Both backends, on one repository."""
    backends = {"embedded": EmbeddedBackend(repository), "triton": TritonBackend(server.url, inference_seconds=300.0)}
    yield backends
    for backend in backends.values():
        await backend.close()
