"""The second backend stands in for the first, and only while the first is unavailable."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from server_support import FakeBackend, config

from services.errors import UnavailableError, UnknownModelError
from services.inference import fallback
from services.inference.backend import Inference, Tensors
from services.inference.canary import canary_inputs
from services.inference.deadline import seconds_left, within
from services.inference.fallback import FallbackBackend
from services.inference.triton import TritonBackend
from services.rpc.metrics import Metrics
from services.server import _backend

REPOSITORY = Path(__file__).parents[2] / "triton_models"


class Asked(FakeBackend):
    """Counts its inferences and canaries, and remembers how long each could have taken."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.seconds: list[float] = []
        self.canaries: list[str] = []
        self.canary_seconds: list[float] = []

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        self.count += 1
        self.seconds.append(seconds_left())
        return await super().infer(model, tensors, version)

    async def ready(self, model: str) -> bool:
        self.canaries.append(model)
        self.canary_seconds.append(seconds_left())
        if model in self.missing:
            raise UnknownModelError(f"There is no model {model!r}.")
        return await super().ready(model)


class Slow(Asked):
    """Takes all the time that it is given, though its canaries pass."""

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        self.count += 1
        await asyncio.sleep(seconds_left())
        raise UnavailableError("It hangs.")


class Odd(Asked):
    """Fails at its first inference, though its canaries pass."""

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        answer = await super().infer(model, tensors, version)
        if self.count == 1:
            raise UnavailableError("It failed.")
        return answer


def pair() -> tuple[Asked, Asked, list[bool], FallbackBackend]:
    first, second, told = Asked(), Asked(), []
    return first, second, told, FallbackBackend(first, second, 10.0, lambda _, is_fallback: told.append(is_fallback))


async def infer(backend: FallbackBackend, version: str = "", model: str = "recoverer") -> None:
    await backend.infer(model, canary_inputs(model), version)


async def settled() -> None:
    """Lets canaries run that need no time."""
    await asyncio.sleep(0.02)


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "_PAUSE_SECONDS", 0.001)


async def test_the_second_is_not_asked_while_the_first_answers() -> None:
    first, second, told, backend = pair()
    await infer(backend)
    assert (first.count, second.count, told) == (1, 0, [False])


@pytest.mark.usefixtures("_no_pause")
async def test_the_second_answers_until_a_canary_of_the_first_passes() -> None:
    first, second, told, backend = pair()
    first.down = {"recoverer"}
    for _ in range(3):
        await infer(backend)
        await settled()
    assert (first.count, second.count, told) == (1, 3, [True, True, True])

    first.down = set()
    await settled()
    await infer(backend)
    assert (first.count, second.count, told) == (2, 3, [True, True, True, False])


async def test_one_canary_at_a_time_asks_a_first_that_is_down() -> None:
    first, _, _, backend = pair()
    first.down = {"recoverer"}
    await infer(backend)
    await asyncio.gather(*(infer(backend) for _ in range(20)))
    assert first.count == 1
    assert first.canaries.count("recoverer") == 1
    await backend.close()


async def test_a_server_that_is_gone_is_gone_for_all_models_and_one_model_for_itself() -> None:
    first, second, _, backend = pair()
    first.down = {"recoverer", "refiner"}
    await infer(backend)
    await settled()

    await infer(backend, model="refiner")
    assert (first.count, second.count) == (1, 2)
    await infer(backend, model="protector")
    assert (first.count, second.count) == (2, 2)
    await backend.close()


async def test_a_caller_in_a_hurry_is_served_and_takes_nobody_else_off_the_first() -> None:
    first, second = Slow(), Asked()
    backend = FallbackBackend(first, second, 10.0)
    started = time.monotonic()
    with within(1.0):
        await infer(backend)
    assert time.monotonic() - started < 1.0
    assert second.count == 1
    await settled()
    assert first.canary_seconds == [pytest.approx(fallback._CANARY_SECONDS, abs=1)], "the caller's hurry is not its own"

    with within(0.2):
        await infer(backend)
    assert first.count == 2


async def test_a_model_that_fails_at_one_input_is_asked_again_at_once() -> None:
    first, second = Odd(), Asked()
    backend = FallbackBackend(first, second, 10.0)
    for _ in range(2):
        await infer(backend)
        await settled()
    assert (first.count, second.count) == (2, 1)


async def test_the_first_has_its_time_or_half_of_what_the_caller_has_left() -> None:
    first, _, _, backend = pair()
    await infer(backend)
    for seconds in (30.0, 8.0):
        with within(seconds):
            await infer(backend)
    assert first.seconds == [pytest.approx(10.0, abs=0.5), pytest.approx(10.0, abs=0.5), pytest.approx(4.0, abs=0.5)]


async def test_a_server_that_is_gone_is_found_out_soon_and_by_no_later_call() -> None:
    second = Asked()
    backend = FallbackBackend(TritonBackend("127.0.0.1:1"), second, 10.0)
    await asyncio.wait_for(infer(backend), 3.0)
    await asyncio.sleep(0.5)
    started = time.monotonic()
    await infer(backend)
    assert time.monotonic() - started < 0.3
    assert second.count == 2
    await backend.close()


async def test_a_version_that_only_the_first_has_is_unavailable_and_not_unknown() -> None:
    first, second, _, backend = pair()
    first.down, second.missing = {"recoverer"}, {"recoverer"}
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await infer(backend, "2")
        await settled()
    assert first.count == 1
    await backend.close()


async def test_a_model_that_only_the_second_has_is_found_without_a_rest() -> None:
    first, second, told, backend = pair()
    first.missing = {"recoverer"}
    for _ in range(2):
        await infer(backend)
        await settled()
    assert (first.count, second.count, told) == (2, 2, [True, True])

    second.missing = {"recoverer"}
    with pytest.raises(UnknownModelError):
        await infer(backend)


@pytest.mark.usefixtures("_no_pause")
async def test_a_model_that_the_first_lacks_is_not_gone_with_another() -> None:
    first, second, _, backend = pair()
    first.down = {"recoverer", "refiner"}
    await infer(backend)
    await settled()
    first.down, first.missing, second.missing = {"recoverer"}, {"refiner"}, {"refiner"}
    await settled()
    with pytest.raises(UnknownModelError):
        await infer(backend, model="refiner")
    assert first.count == 2
    await backend.close()


async def test_ready_where_either_is() -> None:
    first, second, _, backend = pair()
    first.down = {"recoverer"}
    first.missing = {"refiner"}
    assert await backend.ready("recoverer")
    assert await backend.ready("refiner")
    second.down = {"recoverer"}
    assert not await backend.ready("recoverer")


async def test_canaries_alone_tell_whether_the_second_is_in_use() -> None:
    first, _, _, backend = pair()
    assert not backend.in_use
    first.down = {"recoverer"}
    await backend.ready("recoverer")
    assert backend.in_use
    await backend.ready("protector")
    assert backend.in_use, "for one model"
    first.down = set()
    await backend.ready("recoverer")
    assert not backend.in_use


@pytest.mark.usefixtures("_no_pause")
async def test_the_second_is_in_use_no_longer_once_the_first_is_back_though_nobody_calls() -> None:
    first, _, _, backend = pair()
    first.down = {"recoverer", "refiner"}
    await infer(backend)
    await settled()
    assert backend.in_use
    first.down = set()
    await settled()
    assert not backend.in_use


async def test_a_closed_one_sends_no_canaries() -> None:
    first, _, _, backend = pair()
    first.down = {"recoverer"}
    await infer(backend)
    await backend.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_metric_follows_health_where_there_are_no_calls() -> None:
    metrics = Metrics()
    given = config(REPOSITORY, backend="triton", triton_url="127.0.0.1:1", fallback="embedded")
    backend = _backend(given, metrics)
    assert metrics.registry.get_sample_value("srae_fallback_active") == 0.0
    assert await backend.ready("recoverer")
    assert metrics.registry.get_sample_value("srae_fallback_active") == 1.0
    await backend.close()
