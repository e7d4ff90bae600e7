"""The two generators. Open loop: calls go out when they are due, whatever became of those before. Closed loop: so many
callers, each of whom sends the next call when the last is answered."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import grpc

from tests.load.calls import Call, IncompleteAnswerError, reason_of
from tests.load.outcomes import Answer, Outcome, outcome_of

OnAnswer = Callable[[Answer], None]


@dataclass
class Mix:
    """Calls of several kinds, drawn at random by their weights."""

    calls: Sequence[Call]
    weights: Sequence[float] | None = None
    seed: int = 1
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def draw(self) -> Call:
        """The next call."""
        return self._chance.choices(self.calls, self.weights)[0]


@dataclass(frozen=True)
class Run:
    """What a generator did.

    Attributes:
        seconds: from its start until the last call was answered.
        generator_cpu_share: of one core, by the generator's own process.
    """

    answers: list[Answer]
    seconds: float
    generator_cpu_share: float


async def open_loop(
    mix: Mix, arrivals: Iterable[float], deadline_seconds: float, on_answer: OnAnswer = lambda _: None
) -> Run:
    """Sends a call at each of the times, which rise, and waits for all answers."""
    clock = _Clock()
    answers: list[Answer] = []
    async with asyncio.TaskGroup() as calls:
        for intended in arrivals:
            await asyncio.sleep(max(0.0, intended - clock.now()))
            calls.create_task(_made(mix.draw(), intended, clock, deadline_seconds, answers, on_answer))
    return clock.run(answers)


async def closed_loop(
    mix: Mix, callers: int, seconds: float, deadline_seconds: float, on_answer: OnAnswer = lambda _: None
) -> Run:
    """Keeps so many calls under way for so long. What it finds is the throughput; its latencies are service times under
    that concurrency, and leave out what a caller who does not wait would see."""
    clock = _Clock()
    answers: list[Answer] = []

    async def caller() -> None:
        while (now := clock.now()) < seconds:
            await _made(mix.draw(), now, clock, deadline_seconds, answers, on_answer)

    async with asyncio.TaskGroup() as all_callers:
        for _ in range(callers):
            all_callers.create_task(caller())
    return clock.run(answers)


class _Clock:
    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._cpu = time.process_time()

    def now(self) -> float:
        return time.perf_counter() - self._started

    def run(self, answers: list[Answer]) -> Run:
        seconds = self.now()
        return Run(answers, seconds, (time.process_time() - self._cpu) / seconds if seconds else 0.0)


async def _made(
    call: Call, intended: float, clock: _Clock, deadline_seconds: float, answers: list[Answer], on_answer: OnAnswer
) -> None:
    sent, outcome, detail = clock.now(), Outcome.OK, ""
    try:
        await call.make(deadline_seconds)
    except grpc.RpcError as error:
        outcome, detail = outcome_of(error.code()), reason_of(error)
    except IncompleteAnswerError as error:
        outcome, detail = Outcome.OTHER, f"an incomplete answer: {error}"
    answers.append(Answer(str(call.kind), intended, sent, clock.now(), outcome, detail))
    on_answer(answers[-1])
