"""The load generator on a real server, every kind of call, for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from server_support import FakeBackend, config, served

from tests.load.calls import connected, prepared
from tests.load.curve import kinds
from tests.load.generators import Mix, closed_loop
from tests.load.outcomes import counts


@pytest.mark.parametrize("is_stream", [False, True])
async def test_every_service_answers_the_generator(is_stream: bool, tmp_path: Path) -> None:
    async with (
        served(config(tmp_path, max_bytes=2**22), FakeBackend()) as client,
        connected(str(client.address)) as connection,
    ):
        run = await closed_loop(Mix(await prepared(connection, kinds(is_stream))), 2, 1.0, 30.0)
    found = counts(run.answers)
    assert found["ok"] == len(run.answers) > 0
