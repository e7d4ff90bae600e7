"""The second backend stands in for the first, and only while the first is unavailable."""

from __future__ import annotations

import asyncio
import time

import pytest
from server_support import FakeBackend

from services.errors import UnavailableError
from services.inference.backend import Inference, Tensors
from services.inference.canary import canary_inputs
from services.inference.deadline import seconds_left, within
from services.inference.fallback import FallbackBackend


class Asked(FakeBackend):
    """Counts its inferences."""

    count = 0

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        self.count += 1
        return await super().infer(model, tensors, version)


class Slow(FakeBackend):
    """Takes all the time that it is given."""

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        await asyncio.sleep(seconds_left())
        raise UnavailableError("It hangs.")


def pair() -> tuple[Asked, Asked, list[bool], FallbackBackend]:
    first, second, told = Asked(), Asked(), []
    return first, second, told, FallbackBackend(first, second, 10.0, lambda _, is_fallback: told.append(is_fallback))


async def infer(backend: FallbackBackend, version: str = "") -> None:
    await backend.infer("recoverer", canary_inputs("recoverer"), version)


async def test_the_second_is_not_asked_while_the_first_answers() -> None:
    first, second, told, backend = pair()
    await infer(backend)
    assert (first.count, second.count, told) == (1, 0, [False])


async def test_the_second_answers_and_the_first_is_asked_again_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, told, backend = pair()
    first.down = {"recoverer"}
    await infer(backend)
    await infer(backend)
    assert (first.count, second.count, told) == (1, 2, [True, True])

    first.down = set()
    backend._rests_until = 0.0
    await infer(backend)
    assert (first.count, second.count, told) == (2, 2, [True, True, False])


async def test_a_version_that_only_the_first_has_is_unavailable_and_not_unknown() -> None:
    first, second, _, backend = pair()
    first.down, second.missing = {"recoverer"}, {"recoverer"}
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await infer(backend, "2")


async def test_time_is_left_for_the_second() -> None:
    second = Asked()
    started = time.monotonic()
    with within(1.0):
        await infer(FallbackBackend(Slow(), second, 10.0))
    assert second.count == 1
    assert time.monotonic() - started < 1.0


async def test_ready_where_either_is() -> None:
    first, second, _, backend = pair()
    first.down = {"recoverer"}
    assert await backend.ready("recoverer")
    second.down = {"recoverer"}
    assert not await backend.ready("recoverer")
