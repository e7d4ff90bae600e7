"""One job on many photos: some at a time, a failure never stops the others, a bar shows how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from srae_client.errors import SraeClientError, file_error
from srae_client.files import Source
from srae_client.records import Failure, Record
from srae_client.show import readable

#: Photos on their way at once: while the server decodes one it can run its models on another.
IN_FLIGHT = 3
#: How long to wait before asking again, when the server says that a retry can help.
RETRY_SECONDS = (1.0, 3.0, 9.0)

Job = Callable[[Source], Awaitable[Record]]
#: Takes what the job is at, in words; may be called in another thread.
Tell = Callable[[str], None]


async def run(
    sources: Sequence[Source],
    job: Callable[[Source, Tell], Awaitable[Record]],
    doing: str,
    console: Console,
    finished: dict[Source, Record | Failure],
) -> None:
    """Does the job on every photo.

    Args:
        job: is given what it can tell the bar through.
        doing: what the bar says, as in "Protecting".
        finished: takes each answer as soon as there is one, so that those before an interruption are kept.
    """
    gate = asyncio.Semaphore(IN_FLIGHT)
    words = TextColumn("{task.description}")
    columns = SpinnerColumn(), words, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(doing, total=len(sources))

        async def one(source: Source) -> None:
            async with gate:
                what = f"{doing} {Text(readable(source.path.name)).markup}"

                def tell(at: str) -> None:
                    progress.update(bar, description=f"{what}: {at}" if at else what)

                tell("")
                finished[source] = await attempt(source, lambda source: job(source, tell))
            progress.advance(bar)

        async with asyncio.TaskGroup() as group:
            for source in sources:
                group.create_task(one(source))


async def attempt(source: Source, job: Job) -> Record | Failure:
    """Does the job on one photo, more than once where the server asks for that."""
    for pause in (*RETRY_SECONDS, None):
        try:
            return await job(source)
        except SraeClientError as error:
            if not error.retryable or pause is None:
                return failure(source.path, error)
        except OSError as error:
            return failure(source.path, file_error(error))
        await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns")


def failure(path: Path, error: SraeClientError) -> Failure:
    """An error as the result for a photo."""
    return Failure(str(path), error.reason, error.message)
