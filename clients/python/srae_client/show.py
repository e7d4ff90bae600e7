"""Results as tables for people."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text
from srae.v1.protection_service_pb2 import (
    PROTECTION_STAGE_MEASURING,
    PROTECTION_STAGE_SEARCHING,
    PROTECTION_STAGE_WRITING,
    ProtectionProgress,
)

from srae_client.files import Gathered
from srae_client.records import Answer, EvaluateRecord, Failure, ProtectRecord, Record, RestoreRecord, View

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
#: Where nobody watches, lines are not broken to fit a window.
_UNWATCHED_COLUMNS = 200
#: As many endings of files that were left out are told.
_ENDINGS = 6


def results_console() -> Console:
    """Standard output: the results."""
    return Console(width=None if sys.stdout.isatty() else _UNWATCHED_COLUMNS, highlight=False)


def messages_console() -> Console:
    """Standard error: progress, failures."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def readable(path: str) -> str:
    """A file name that can be printed: names need not be valid text, and may hold what moves a terminal's cursor."""
    return _CONTROLS.sub("\ufffd", os.fsencode(path).decode("utf-8", errors="replace"))


def stage(progress: ProtectionProgress) -> str:
    """What the server does with a photo, in words."""
    rounds = f"{progress.rounds} round" + "s" * (progress.rounds != 1)
    words = {
        PROTECTION_STAGE_SEARCHING: f"searched, {rounds}",
        PROTECTION_STAGE_WRITING: "writing",
        PROTECTION_STAGE_MEASURING: "measuring",
    }
    return words.get(progress.stage, "")


def results(records: Sequence[Record | Failure]) -> None:
    """Everything that a command did: tables on standard output, failures on standard error."""
    console = results_console()
    if made := [record for record in records if isinstance(record, ProtectRecord)]:
        protected(made, console)
    if given_back := [record for record in records if isinstance(record, RestoreRecord)]:
        restored(given_back, console)
    for record in records:
        if isinstance(record, EvaluateRecord):
            evaluated(record, console)
    failures([record for record in records if isinstance(record, Failure)], messages_console())


def failures(records: Sequence[Failure], console: Console) -> None:
    """Each failed photo with its reason and what to do."""
    for record in records:
        console.print(
            Text.assemble(("failed ", "bold red"), readable(record.input), (f" [{record.reason}] ", "red")),
            Text(readable(record.message)),
            sep="",
        )


def left_out(gathered: Gathered, console: Console) -> None:
    """What folders hold and is not done, so that nobody takes it for done."""
    endings = gathered.left_out.most_common()
    told = [f"{number} {readable(ending) or 'without an ending'}" for ending, number in endings[:_ENDINGS]]
    told += ["others"] if len(endings) > _ENDINGS else []
    left = []
    if told:
        left.append(f"{_counted(gathered.left_out.total(), 'file')} of other endings ({', '.join(told)})")
    if gathered.links:
        left.append(_counted(gathered.links, "linked subfolder"))
    if left:
        console.print(Text(f"left out: {' and '.join(left)}. Name what is to be done all the same."))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number != 1)


def protected(records: Sequence[ProtectRecord], console: Console) -> None:
    """Protected photos."""
    table = _table(
        "Photo", "Protected photo", "Size", "Likeness", "Restores", "Classifier saw: before, after, restored"
    )
    for record in records:
        table.add_row(
            Text(readable(record.input)),
            Text(readable(record.output)),
            _size_change(record.input_bytes, record.output_bytes),
            decibels(record.protected_psnr_db),
            "bit-exact" if record.bit_exact else f"near, {decibels(record.restored_psnr_db)}",
            verdict(record.views, record.is_protected),
        )
    console.print(table)
    if any(record.is_protected is False for record in records):
        console.print("[bold red]NOT PROTECTED[/]: the classifier's answer did not change. Do not rely on that photo.")
    near = [record for record in records if not record.bit_exact]
    if near:
        console.print("What restores nearly restores bit for bit from a lossless file: --format png makes one.")
    if any(record.tier == "one-pass" for record in near):
        console.print("Keep the receipts: of these files, a one-pass photo is restored only with its receipt.")
    for bits in sorted({record.input_bits for record in records if record.input_bits > 8}):
        console.print(
            f"Your file has {bits} bits a channel; the protected photo and what is restored from it have 8: "
            "keep the original."
        )
    sealed = [record for record in records if record.tier == "sealed"]
    if sealed:
        ledger = ", which are in the ledger too," if all(record.entry for record in sealed) else ""
        console.print(
            f"Keep the receipts{ledger} and a copy of the key that opens them: srae keys export FILE. Without both, a "
            "sealed photo cannot be restored."
        )


def restored(records: Sequence[RestoreRecord], console: Console) -> None:
    """Restored photos."""
    table = _table("Protected photo", "Restored photo", "Size", "Compared with the original")
    for record in records:
        size = f"{record.width} x {record.height}, {byte_size(record.output_bytes)}"
        names = Text(readable(record.input)), Text(readable(record.output))
        table.add_row(*names, size, _comparison(record))
    console.print(table)
    if any(record.is_estimate for record in records):
        console.print(
            "An estimate is a guess that the photo alone allows, and not the original: no receipt fits, and nothing "
            "vouches for it."
        )


def evaluated(record: EvaluateRecord, console: Console) -> None:
    """The proof for one photo."""
    table = _table("Classifier", "Used in making", "Original", "Protected", "Restored", "Verdict")
    for view in record.views:
        answers = [percent(answer) if answer else "-" for answer in (view.original, view.protected, view.restored)]
        used = "yes" if view.was_used_in_making else "no"
        table.add_row(*map(Text, (view.classifier, used, *answers)), _mark(view.is_protected))
    console.print(table)
    figures = _table("Figure", "Value")
    figures.add_row("Protected photo against the original", decibels(record.protected_psnr_db))
    figures.add_row("Structural similarity (1 is equal)", f"{record.protected_ssim:.4f}")
    figures.add_row("L2 norm of the perturbation", f"{record.protected_l2:.3f}")
    exact = "bit-exact" if record.bit_exact else decibels(record.restored_psnr_db)
    figures.add_row("Restored photo against the original", exact)
    console.print(figures)
    console.print(Text.assemble("This photo is ", _mark(record.is_protected), _reservation(record)))
    if record.receipt is None:
        console.print(
            "Without its receipt it was measured as one of the one-pass tier. If it is one of the sealed tier (the "
            "default), name the receipt with --receipt: others were used in making then, and it restores better."
        )


def _reservation(record: EvaluateRecord) -> str:
    """The classifiers without a part in making that a protected photo is not protected from."""
    names = [view.classifier for view in record.views if not view.was_used_in_making and not view.is_protected]
    if not record.is_protected or not names:
        return ""
    return f" from the classifiers that were used in making, and not from {', '.join(names)}"


def _table(*columns: str) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def decibels(value: float | None) -> str:
    """A PSNR; None is an infinite one."""
    return "no difference" if value is None else f"{value:.1f} dB"


def byte_size(size: int) -> str:
    """A file's size, in the unit that suits it."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def percent(answer: Answer) -> str:
    """A classifier's answer with its confidence."""
    return f"{answer.label} {answer.confidence:.0%}"


def _size_change(before: int, after: int) -> str:
    return f"{byte_size(before)} to {byte_size(after)} ({after / before - 1:+.0%})"


def verdict(views: Sequence[View], is_protected: bool | None) -> Text:
    """What each classifier answered in turn, and whether the photo is protected; None where none was asked."""
    if is_protected is None:
        return Text("not asked", style="yellow")
    lines = [Text(_arrow().join(percent(answer) for answer in _in_turn(view))) for view in views]
    return Text("\n").join([*lines, _mark(is_protected)])


def _arrow() -> str:
    return " → " if sys.stdout.encoding.lower().startswith("utf") else " -> "


def _in_turn(view: View) -> list[Answer]:
    return [view.original, view.protected, *([view.restored] if view.restored else [])]


def _mark(is_protected: bool) -> Text:
    return Text("protected", style="bold green") if is_protected else Text("NOT PROTECTED", style="bold red")


def _comparison(record: RestoreRecord) -> Text:
    if record.is_estimate:
        return Text("an estimate, not the original", style="bold red")
    if record.verified:
        return Text("verified bit-exact", style="bold green")
    return Text("near, not bit-exact", style="yellow")
