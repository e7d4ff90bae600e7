"""``python -m srae_client.bulk``: protects a folder of very many photos; run again, it does what is left."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from srae_client import batch, installing, records, show, standard_output
from srae_client.bulk import manifest
from srae_client.bulk.run import Settings, run, succeeded
from srae_client.errors import SraeClientError, UsageError, file_error
from srae_client.exit_statuses import FAILED, INTERRUPTED, USAGE

_EXPLAINED = f"""\
examples:
  python -m srae_client.bulk archive/ -o protected/
  python -m srae_client.bulk archive/ -o protected/ --endpoint dns:///photos.example:50051 --concurrency 16

A photo keeps its name, its format and its place: archive/2019/cat.jpg becomes protected/2019/cat.jpg, with
protected/2019/cat.jpg.receipt, sealed for your key. What has both is not done again, so after an interruption, or
when photos were added, run the same command. Nothing is overwritten, and nothing is noted in the ledger.

protected/{manifest.NAME} has a JSON object a line: photo, status (done; or failed, with reason and message), and
is_protected (whether every classifier that was asked was misled; null where that is not known). A photo's last line
counts. Photos that failed are tried again by the next run.

Work is spread by Ray, on this computer or on the cluster that RAY_ADDRESS names. A cluster's machines need the same
folders under the same names, this package, and --endpoint with a server that all of them reach. They get your public
key and no other.

exit status: 0 all photos are protected, 1 something failed, 2 the command makes no sense, 130 it was interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one job; the exit status."""
    return standard_output.guarded(lambda: _main(argv))


def _main(argv: Sequence[str] | None) -> int:
    settings = Settings(**vars(_parser().parse_args(argv)))
    messages = show.messages_console()
    if importlib.util.find_spec("ray") is None:
        print(f"bulk: Ray is not installed. Install it: {installing.command('bulk')}.", file=sys.stderr)
        return FAILED
    try:
        counts = run(settings, messages)
    except UsageError as error:
        print(f"bulk: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        raise  # nobody reads on, so there is nobody to tell
    except (SraeClientError, OSError) as error:
        told = file_error(error) if isinstance(error, OSError) else error
        print(f"bulk: {told.message} [{told.reason}]", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("bulk: interrupted. What was written is whole; run it again for the rest.", file=sys.stderr)
        return INTERRUPTED
    print(f"done: {counts['done']}, done earlier: {counts['earlier']}, failed: {counts['failed']}")
    if not succeeded(counts):
        print(f"bulk: {settings.out / manifest.NAME} says why for each that failed.", file=sys.stderr)
        return FAILED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m srae_client.bulk",
        description="Protects a folder of very many photos. Run again, it does what is left.",
        epilog=_EXPLAINED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="the photos; hidden files and links to folders are left out"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="where to; outside FOLDER")
    parser.add_argument(
        "--endpoint",
        metavar="HOST:PORT",
        help="server to use, also dns:///HOST:PORT or unix:/path (also: SRAE_ENDPOINT; default: the one on this "
        "computer, started where none runs)",
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificates (PEM) to trust for TLS")
    parser.add_argument(
        "--tier",
        choices=tuple(records.TIERS),
        default="sealed",
        help="sealed: stronger, restored only with the receipt; one-pass: faster; restored from the file alone, by "
        "anybody who has this software, as long as no site has rewritten it (default: sealed)",
    )
    parser.add_argument(
        "--concurrency",
        type=_positive,
        default=batch.IN_FLIGHT,
        metavar="N",
        help="photos on their way at once (default: %(default)s)",
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"it is a whole number above 0, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
