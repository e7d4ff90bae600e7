"""Which sizes are measured, and what all benchmarks share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sizes import SIZES

from services.inference.embedded import EmbeddedBackend

REPOSITORY = Path(__file__).parents[2] / "triton_models"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sizes", default=",".join(SIZES), help=f"of {', '.join(SIZES)} (default: all)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "size" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("sizes").split(",")
        if unknown := set(chosen) - set(SIZES):
            raise pytest.UsageError(f"--sizes: there is no {', '.join(sorted(unknown))}. Choose of {', '.join(SIZES)}.")
        metafunc.parametrize("size", chosen, scope="session")


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="session")
def backend() -> EmbeddedBackend:
    return EmbeddedBackend(REPOSITORY)
