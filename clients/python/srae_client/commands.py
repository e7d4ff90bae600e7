"""What ``srae protect``, ``restore`` and ``evaluate`` do, once the command line is understood."""

from __future__ import annotations

import asyncio
import json
import os
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from srae_client import authorities, batch, endpoint, files, keys, receipts, records, restoring, show
from srae_client.arguments import FORMATS
from srae_client.bookkeeping import entry_of
from srae_client.client import Client
from srae_client.errors import LocalReason, SraeClientError, UsageError
from srae_client.exit_statuses import FAILED, INTERRUPTED
from srae_client.files import Source
from srae_client.key_holder import KeyHolder, ask_person
from srae_client.ledger import Entry, Ledger
from srae_client.records import EvaluateRecord, Failure, ProtectRecord, Record, RestoreRecord

_INTERRUPTED = "interrupted. What was written is whole and listed; run it again with the photos that are not listed."
_INTERRUPTED_AT_ONCE = "interrupted before any photo was done; run it again."


async def protect(arguments: Namespace) -> int:
    """``srae protect``: the exit status."""
    sources, failures = _gather(arguments)
    where = files.destination(arguments.output, arguments.photos, len(sources))
    mime_type = _media_type(arguments.format, where.file)
    _require_two_names(where.file, arguments.receipt)
    friends = [keys.from_text(text) for text in arguments.to]
    holder, ledger = KeyHolder(), _ledger(arguments)
    unnoted: dict[str, None] = {}
    if sources:
        holder.public()  # a key that cannot be used is found out before any photo is sent

    async def job(client: Client, source: Source, tell: batch.Tell) -> ProtectRecord:
        _require_free(where.file, arguments.receipt)
        data = files.read(source)
        made = await client.protect(
            data,
            records.TIERS[arguments.tier],
            mime_type,
            arguments.psnr,
            arguments.seconds,
            lambda progress: tell(show.stage(progress)),
        )
        names = where.names(source, "-edited", made.outcome.mime_type)
        choices = ((arguments.receipt or receipts.path_beside(name), name) for name in names)
        # The receipt first: should the computer fail between the two, nothing is lost that cannot be made again.
        contents = receipts.seal(made.outcome.receipt, holder, friends), made.image
        receipt, output = files.save(choices, contents, private=(True, False))
        paths = str(source.path), str(output), str(receipt)
        record = records.of_protecting(made.outcome, paths, (len(data), len(made.image)))
        if ledger is not None:
            entry = entry_of(made, record, show.readable(output.name), "", contents[0])
            try:
                await _noted(ledger, entry)
                record = replace(record, entry=entry.id)
            except SraeClientError as error:  # the receipt lies beside the photo, so nothing is lost
                unnoted[error.message] = None
        return record

    status = await _do(arguments, sources, failures, job, "Protecting")
    for message in unnoted:
        show.messages_console().print(Text(f"not noted in the ledger: {message}"))
    return status


async def _noted(ledger: Ledger, entry: Entry) -> None:
    """Adds the entry, whatever comes: an interruption in the middle, or a photo would be written and not told of."""
    adding = asyncio.ensure_future(asyncio.to_thread(ledger.add, [entry]))
    while not adding.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([adding])
    adding.result()


def restore(arguments: Namespace) -> Coroutine[Any, Any, int]:
    """``srae restore``: the exit status. A passphrase is asked for at once."""
    sources, failures = _gather(arguments)
    where = files.destination(arguments.output, arguments.photos, len(sources))
    holder, ledger = _opening_holder(), _ledger(arguments)
    asked = "" if where.file is None else files.PHOTO_TYPES.get(where.file.suffix.lower())
    if asked not in ("", "image/jpeg", "image/png"):
        name = where.file.stem if where.file is not None else ""
        raise UsageError(
            f"restored photos are PNG files, or the JPEGs that they were: call it {name}.png, or {where.file}{os.sep} "
            "if it is a folder"
        )

    async def job(client: Client, source: Source, _: batch.Tell) -> RestoreRecord:
        _require_free(where.file)
        data = files.read(source)
        mime_type = "" if asked == "image/jpeg" else asked
        found = await restoring.restored(client, source.path, data, arguments.receipt, ledger, holder, mime_type)
        if found.doubt is not None and not arguments.estimate:
            raise found.doubt
        made, is_estimate = found.made, found.doubt is not None
        if asked not in ("", made.outcome.mime_type):
            # Not written as a JPEG after all: that would lose what was restored.
            ending = files.ending_of(made.outcome.mime_type)
            raise SraeClientError(LocalReason.OTHER_FORMAT, f"This photo comes back as a {ending} file: name it so.")
        names = where.names(source, "-estimate" if is_estimate else "-original", made.outcome.mime_type)
        (output,) = files.save(((name,) for name in names), (made.image,), private=(False,))
        paths = str(source.path), str(output)
        return records.of_restoring(
            made.outcome, paths, found.receipt, len(made.image), found.entry, is_estimate=is_estimate
        )

    return _do(arguments, sources, failures, job, "Restoring")


def evaluate(arguments: Namespace) -> Coroutine[Any, Any, int]:
    """``srae evaluate``: the exit status, which tells whether it could be evaluated, not whether it is protected. A
    passphrase is asked for at once."""
    for given in (arguments.original, arguments.protected):
        if given.is_dir():
            raise UsageError(f"{given} is a folder: give two files, the original and the protected photo")
    problems = files.gather([arguments.original, arguments.protected]).problems
    holder = _opening_holder()

    async def job(client: Client, source: Source, _: batch.Tell) -> EvaluateRecord:
        receipt_path = receipts.path_for(source.path, arguments.receipt)
        receipt = receipts.read(receipt_path, holder) if receipt_path else None
        original, protected = files.read(Source(arguments.original)), files.read(source)
        try:
            report = await client.evaluate(original, protected, receipt)
        except SraeClientError as error:
            raise _naming_file(error, arguments.original, source.path) from error
        return records.of_evaluating(report, (str(arguments.original), str(source.path)), receipt_path)

    sources = [] if problems else [Source(arguments.protected)]
    return _do(arguments, sources, [batch.failure(*problem) for problem in problems], job, "Evaluating")


def _ledger(arguments: Namespace) -> Ledger | None:
    return None if arguments.no_ledger else Ledger()


def _opening_holder() -> KeyHolder:
    holder = KeyHolder(ask_person())
    holder.unlock()  # before a bar is drawn over the question, and where Ctrl-C still ends it
    return holder


def _naming_file(error: SraeClientError, original: Path, protected: Path) -> SraeClientError:
    """The error, with the name of the one of two files that it is about, where it tells."""
    files_by_field = {"original": original, "original_chunk": original}
    files_by_field |= {"protected_photo": protected, "protected_chunk": protected}
    if error.field not in files_by_field:
        return error
    return SraeClientError(error.reason, f"{files_by_field[error.field]}: {error.message}", error.retryable)


@asynccontextmanager
async def connected(address: str | None, ca: Path | None, messages: Console) -> AsyncIterator[Client]:
    """A client of the server to use, which is started for the occasion where none runs."""
    trusted = await asyncio.to_thread(authorities.read, ca)
    async with AsyncExitStack() as stack:
        with messages.status("Looking for the server, or starting one ..."):
            found = await stack.enter_async_context(endpoint.resolve(address))
            client = await stack.enter_async_context(Client(found, trusted))
        yield client


def _gather(arguments: Namespace) -> tuple[list[Source], list[Failure]]:
    gathered = files.gather(arguments.photos)
    if arguments.receipt is not None and len(gathered.photos) + len(gathered.problems) > 1:
        raise UsageError("--receipt names one file, so it goes with one photo: leave it out, or give one photo")
    show.left_out(gathered, show.messages_console())
    return gathered.photos, [batch.failure(*problem) for problem in gathered.problems]


def _media_type(format_: str, file: Path | None) -> str:
    """The type to ask for: what --format says, else what the output's name says, else that of the input."""
    asked = FORMATS[format_]
    if file is None:
        return asked
    named = files.PHOTO_TYPES.get(file.suffix.lower())
    if named is None:
        endings = " ".join(files.PHOTO_TYPES)
        raise UsageError(
            f"{file} is no photo's name: protected photos end in one of {endings}; if it is a folder, write "
            f"{file}{os.sep}"
        )
    if asked and asked != named:
        raise UsageError(f"--format {format_} and the name {file} contradict each other: leave one out")
    return named


def _require_two_names(photo: Path | None, receipt: Path | None) -> None:
    if photo is not None and receipt is not None and os.path.realpath(photo) == os.path.realpath(receipt):
        raise UsageError(f"the photo and its receipt cannot both become {photo}: give --receipt another name")


def _require_free(*outputs: Path | None) -> None:
    """Finds out before the work that it could not be kept."""
    for output in outputs:
        if output is not None and os.path.lexists(output):
            raise files.exists_error(output)


async def _do(
    arguments: Namespace,
    sources: Sequence[Source],
    failures: Sequence[Failure],
    job: Callable[[Client, Source, batch.Tell], Awaitable[Record]],
    doing: str,
) -> int:
    messages = show.messages_console()
    finished: dict[Source, Record | Failure] = {}
    if sources:
        # What was finished before an interruption is told all the same: it would be done twice otherwise.
        with suppress(asyncio.CancelledError):
            async with connected(arguments.endpoint, arguments.ca, messages) as client:
                await batch.run(sources, partial(job, client), doing, messages, finished)
    results = [*failures, *(finished[source] for source in sources if source in finished)]
    if arguments.json:
        print(json.dumps(records.to_json(arguments.command, results), indent=2, allow_nan=False))
    else:
        show.results(results)
    if len(finished) < len(sources):
        messages.print(f"srae {arguments.command}: {_INTERRUPTED if finished else _INTERRUPTED_AT_ONCE}")
        return INTERRUPTED
    return FAILED if any(isinstance(result, Failure) for result in results) else 0
