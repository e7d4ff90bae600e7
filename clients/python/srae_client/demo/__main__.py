"""``python -m srae_client.demo``: what the services do, shown on three photos."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from srae_client import records, show
from srae_client.commands import connected
from srae_client.demo import page, photos
from srae_client.demo.run import Gallery, PhotoResult, photo_result, run_tier
from srae_client.errors import SraeClientError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the demo; 0 when it is there to be looked at."""
    parser = argparse.ArgumentParser(prog="python -m srae_client.demo", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("out/demo"), metavar="FOLDER", help="where (default: %(default)s)"
    )
    parser.add_argument("--small", action="store_true", help="small photos, which is quicker")
    parser.add_argument("--endpoint", metavar="HOST:PORT", help="server to use (default: as the command srae)")
    arguments = parser.parse_args(argv)
    try:
        results = asyncio.run(_run(Gallery(arguments.out), arguments.small, arguments.endpoint))
    except SraeClientError as error:
        print(f"demo: {error.message} [{error.reason}]", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    report = json.dumps({"small": arguments.small, "photos": [asdict(result) for result in results]}, indent=2)
    (arguments.out / "report.json").write_text(report + "\n")
    (arguments.out / "index.html").write_text(page.render(results), encoding="utf-8")
    console = show.results_console()
    console.print(_table(results))
    console.print(Text(f"The page to look at: {arguments.out / 'index.html'}"))
    return 0


async def _run(gallery: Gallery, small: bool, endpoint: str | None) -> list[PhotoResult]:
    results = []
    messages = show.messages_console()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    async with connected(endpoint, None, messages) as client:
        with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
            bar = progress.add_task("", total=len(photos.SAMPLES) * len(records.TIERS))
            for sample in photos.SAMPLES:
                original = photos.make(sample, small)
                tiers = []
                for tier in records.TIERS:
                    progress.update(bar, description=f"{sample.title}, {tier}")
                    tiers.append(await run_tier(client, gallery, sample, original, tier))
                    progress.advance(bar)
                results.append(photo_result(gallery, sample, original, tiers))
    return results


def _table(results: Sequence[PhotoResult]) -> Table:
    table = Table(
        "Photo", "Tier", "Likeness", "Restored", "Classifier saw: before, after, restored", "Protect", "Restore"
    )
    for photo in results:
        for tier in photo.tiers:
            evaluation = tier.evaluation
            restored = "bit-exact" if evaluation.bit_exact else f"near, {show.decibels(evaluation.restored_psnr_db)}"
            table.add_row(
                f"{photo.name}, {photo.width} x {photo.height}",
                tier.tier,
                show.decibels(evaluation.protected_psnr_db),
                restored,
                show.verdict(evaluation.views, evaluation.is_protected),
                f"{tier.protect_seconds:.2f} s",
                f"{tier.restore_seconds:.2f} s",
            )
    return table


if __name__ == "__main__":
    sys.exit(main())
