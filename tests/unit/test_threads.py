"""Work in threads: a call that is cancelled ends no earlier than what it started."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.imaging.threads import in_thread


async def test_the_result_and_the_error_come_back() -> None:
    assert await in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_cancelled_call_holds_its_place_until_its_thread_has_ended(fails: bool) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        may_end.wait(10)
        ended.set()
        if fails:
            raise ValueError("told to nobody")

    call = asyncio.create_task(in_thread(work))
    assert await asyncio.to_thread(begun.wait, 10)
    for _ in range(3):
        call.cancel()
        await asyncio.sleep(0.01)
        assert not call.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()


async def test_what_is_cancelled_before_a_thread_is_free_is_not_begun() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    may_end, was_begun = threading.Event(), threading.Event()
    first = asyncio.create_task(in_thread(may_end.wait, 10))
    second = asyncio.create_task(in_thread(was_begun.set))
    await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.sleep(0.01)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert await first
    assert not was_begun.is_set()
