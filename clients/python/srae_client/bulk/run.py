"""The job: finds what is to be done, has Ray's workers do it, and notes what they say."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from srae_client import authorities, endpoint, files, show
from srae_client.bulk import manifest
from srae_client.bulk.manifest import Manifest
from srae_client.bulk.work import DONE, Work, done, failed, is_done
from srae_client.client import Client
from srae_client.errors import LocalReason, SraeClientError, UsageError
from srae_client.key_holder import KeyHolder

#: Photos a Ray task takes on: as many are looked at again when a worker is killed.
_TASK_PHOTOS = 32
#: Of a processor: workers wait for the server most of the time.
_TASK_CPUS = 0.1
#: What files.staged leaves of a worker that is killed in the middle of writing.
_LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.part")


@dataclass(frozen=True)
class Settings:
    """What the command line says. ``concurrency``: photos on their way at once."""

    folder: Path
    out: Path
    endpoint: str | None
    ca: Path | None
    tier: str
    concurrency: int


def run(settings: Settings, messages: Console) -> Counter[str]:
    """Protects what is not protected yet. The numbers of photos: ``done``, ``failed``, and ``earlier``, done before.

    Raises:
        SraeClientError: there are no photos, no server, or no Ray.
        UsageError: the folders, or the server's address, make no sense.
        OSError: the manifest cannot be written.
    """
    folder, out = settings.folder.resolve(), settings.out.resolve()
    if folder.is_file():
        raise UsageError(f"{settings.folder} is a file: give the folder that it lies in, or use srae protect")
    if out.is_relative_to(folder) or folder.is_relative_to(out):
        raise UsageError("FOLDER and OUT must not lie in each other, or protected photos would be taken for originals")
    gathered = files.gather([folder])
    show.left_out(gathered, messages)
    if not gathered.photos:
        raise gathered.problems[0][1]
    names = [str(source.folder / source.path.name) for source in gathered.photos]
    with manifest.opened(out) as lines, _without_leftovers(out):
        todo = [name for name in names if not is_done(out, name)]
        for name in sorted(set(names) - set(todo) - lines.done):  # a job was killed before it could say so
            lines.add(json.dumps(done(name)))
        for path, problem in gathered.problems:  # folders that may not be looked into
            lines.add(json.dumps(failed(os.path.relpath(path, folder), problem.reason, problem.message)))
        counts = Counter(earlier=len(names) - len(todo), failed=len(gathered.problems))
        if todo:
            counts += _protect(settings, todo, lines, messages)
    return counts


@contextmanager
def _without_leftovers(out: Path) -> Iterator[None]:
    """Removes what killed workers left, of this job and of those before."""
    _sweep(out)
    try:
        yield
    finally:
        _sweep(out)


def _sweep(out: Path) -> None:
    for root, _, names in os.walk(out):
        for name in filter(_LEFTOVER.fullmatch, names):
            Path(root, name).unlink(missing_ok=True)


def _protect(settings: Settings, names: Sequence[str], lines: Manifest, messages: Console) -> Counter[str]:
    ca = authorities.read(settings.ca)
    public_key = KeyHolder().public()
    counts: Counter[str] = Counter()
    columns = TextColumn("Protecting"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with _reachable(settings.endpoint, ca) as address, _ray(address):
        work = Work(settings.folder.resolve(), settings.out.resolve(), address, ca, settings.tier, public_key)
        with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
            bar = progress.add_task("", total=len(names))
            for line in _results(work, names, settings.concurrency):
                lines.add(line)
                counts[json.loads(line)["status"]] += 1
                progress.advance(bar)
    return counts


@contextmanager
def _reachable(named: str | None, ca: bytes | None) -> Iterator[str]:
    """The address of a server that takes calls, started where none was named and none runs.

    Its loop stands still while the job runs, so that Ctrl-C reaches the job."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def enter() -> str:
            address = await stack.enter_async_context(endpoint.resolve(named))
            async with Client(address, ca) as client:
                await client.wait_until_reachable()
            return address

        try:
            yield runner.run(enter())
        finally:
            runner.run(stack.aclose())


@contextmanager
def _ray(address: str) -> Iterator[None]:
    """Ray: the cluster that RAY_ADDRESS names, or one on this computer for as long as the job runs.

    Raises:
        UsageError: the cluster's other machines cannot reach the server.
        SraeClientError: Ray does not start, or gives up.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told about anybody's photos
    import ray

    cluster = os.environ.get("RAY_ADDRESS", "local")
    try:
        ray.init(cluster, log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:  # it has no class of its own for this
        raise _ray_failed(f"does not start ({cluster}): {error}. Check RAY_ADDRESS and its machines") from error
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C; Ray's own prints a stack
    try:
        machines = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        if len(machines) > 1 and endpoint.parse(address).is_local:
            raise UsageError("Ray's other machines cannot reach a server on this one: name one that all can reach")
        yield
    except ray.exceptions.RayError as error:  # as when workers die again and again
        first_line = str(error).partition("\n")[0]
        raise _ray_failed(f"gave up: {first_line}. What was written is whole; run it again for the rest") from error
    finally:
        ray.shutdown()


def _ray_failed(what: str) -> SraeClientError:
    return SraeClientError(LocalReason.RAY_FAILED, f"Ray {what}.")


def _results(work: Work, names: Sequence[str], concurrency: int) -> Iterator[str]:
    """The manifest's lines, as tasks end. Ray gives the photos of a killed worker to another."""
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False  # there is one of our own
    tasks = min(len(names), max(len(names) // _TASK_PHOTOS, 4 * concurrency))
    # As bytes: names of files need not be valid text.
    photos = ray.data.from_items([os.fsencode(name) for name in names], override_num_blocks=tasks)
    strategy = ray.data.TaskPoolStrategy(size=min(concurrency, tasks))
    for row in photos.map(work.protect, compute=strategy, num_cpus=_TASK_CPUS).iter_rows():
        yield row["line"]


def succeeded(counts: Counter[str]) -> bool:
    """Whether nothing failed."""
    return not set(+counts) - {DONE, "earlier"}
