"""The sealed tier's search: a round always, further ones while they fit, each from the code of the one before."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from server_support import FakeBackend, pixels

from services.imaging import pipeline
from services.imaging.photo import FileTraits, Photo
from services.imaging.receipt import Tier
from services.inference.backend import Inference, Tensors
from services.inference.deadline import within

ROUND_SECONDS = 2.0


class Searched(FakeBackend):
    """Answers with one level more than it was given to start from; a round takes two seconds of a clock of its own."""

    now = 0.0

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        self.now += ROUND_SECONDS
        assert int(tensors[pipeline.MADE][0, 0]) == int(tensors[pipeline.START].max())
        return Inference("1", {"OUTPUT__0": tensors[pipeline.START] + np.int8(1)})


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Searched:
    backend = Searched()
    monkeypatch.setattr(pipeline, "time", SimpleNamespace(monotonic=lambda: backend.now))
    return backend


async def rounds(backend: Searched, search: pipeline.Search | None) -> int:
    """As the code tells."""
    photo = Photo(pixels(), FileTraits("image/png", size_bytes=1, lossless=True))
    found = await pipeline.find_code(photo, Tier.SEALED, backend, search=search)
    levels = np.unique(found.code)
    assert len(levels) == 1
    return int(levels[0])


async def test_one_round_unless_asked_for_more(backend: Searched) -> None:
    assert await rounds(backend, None) == 1


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 1), (3.9, 1), (4.0, 2), (7.0, 3), (60.0, 4)])
async def test_rounds_are_added_while_they_fit(seconds: float, expected: int, backend: Searched) -> None:
    told: list[int] = []
    assert await rounds(backend, pipeline.Search(seconds, on_round=told.append)) == expected
    assert told == list(range(1, expected + 1))


async def test_half_of_the_callers_time_is_left_for_the_rest(backend: Searched) -> None:
    with within(13.0):
        assert await rounds(backend, pipeline.Search(60.0)) == 3
