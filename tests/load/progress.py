"""What a person sees while it runs: a bar for the time, and how calls end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.load.outcomes import Answer, Outcome

console = Console(stderr=True)


@asynccontextmanager
async def shown(title: str, seconds: float) -> AsyncIterator[Callable[[Answer], None]]:
    """A bar of about so many seconds; call what it gives with each answer."""
    ended: Counter[Outcome] = Counter()
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[ended]}"), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(title, total=seconds, ended="")
        started = time.monotonic()

        async def tick() -> None:
            while True:
                text = ", ".join(f"{outcome.value} {count}" for outcome, count in sorted(ended.items()))
                progress.update(bar, completed=time.monotonic() - started, ended=text)
                await asyncio.sleep(0.25)

        ticking = asyncio.create_task(tick())
        try:
            yield lambda answer: ended.update([answer.outcome])
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
