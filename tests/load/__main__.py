"""The command line: `python -m tests.load --help`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.load import record
from tests.load.calls import TIERS
from tests.load.curve import is_passed, load
from tests.load.ghz import request_json
from tests.load.progress import console
from tests.load.replicas import replicas
from tests.load.server import ServerDidNotStartError
from tests.load.soak import soak


def _soak(given: argparse.Namespace, command: str) -> int:
    figures = asyncio.run(soak(given.minutes, given.capacity_seconds, given.share))
    path = record.write("soak", command, figures, given.results)
    memory = figures["memory"]
    console.print(
        f"{figures['calls']} calls, {figures['outcomes']}; memory {memory['mib_per_hour']:+.1f} MiB an hour "
        f"({memory['low_mib_per_hour']:+.1f} to {memory['high_mib_per_hour']:+.1f}), "
        f"{'flat' if memory['is_flat'] else 'NOT flat'}: {path}"
    )
    return 0 if figures["is_passed"] else 1


def _load(given: argparse.Namespace, command: str) -> int:
    figures = asyncio.run(load(given.seconds))
    passed = is_passed(figures)
    path = record.write("load", command, {**figures, "is_passed": passed}, given.results)
    over = figures["overload"]
    console.print(
        f"capacity {figures['unary']['curve']['capacity_calls_per_second']:.1f} calls a second; "
        f"overload: {over['outcomes']}, "
        f"recovered after {over['recovery_seconds']:.1f} s, {'as it should' if passed else 'NOT as it should'}: {path}"
    )
    return 0 if passed else 1


def _replicas(given: argparse.Namespace, command: str) -> int:
    figures = asyncio.run(replicas(given.seconds))
    path = record.write("replicas", command, figures, given.results)
    for row in figures["rows"]:
        console.print(
            f"{row['replicas']} replicas: {row['calls_per_second']:.2f} calls a second, "
            f"{row['measured_over_predicted']:.2f} of what is reckoned"
        )
    console.print(f"written to {path}")
    return 0


def _request(given: argparse.Namespace, _: str) -> int:
    print(request_json(given.service, given.tier))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="Puts load on a real server.")
    parser.add_argument(
        "--results", type=Path, default=record.RESULTS, metavar="FOLDER", help="where JSONs go (default: %(default)s)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="word")
    curve = commands.add_parser(
        "curve", help="latency against throughput, unary and streaming, and an overload; judges that"
    )
    curve.add_argument("--seconds", type=float, default=15.0, help="for each rate (default: %(default)s)")
    curve.set_defaults(run=_load, name="make load")
    request = commands.add_parser("request", help="prints a request as JSON, for ghz: see docs/load.md")
    request.add_argument("--service", choices=("protect", "evaluate"), default="protect")
    request.add_argument("--tier", choices=tuple(TIERS), default="one-pass")
    request.set_defaults(run=_request, name="request")
    several = commands.add_parser(
        "replicas",
        help="1, 2 and 4 replicas of one core each behind round_robin, against what docs/performance.md reckons",
    )
    several.add_argument("--seconds", type=float, default=40.0, help="for each number (default: %(default)s)")
    several.set_defaults(run=_replicas, name="python -m tests.load replicas")
    one = commands.add_parser(
        "soak", help="a steady rate below the capacity for a long time; judges failures and memory"
    )
    one.add_argument("--minutes", type=float, default=20.0, help="default: %(default)s")
    one.add_argument(
        "--capacity-seconds", type=float, default=60.0, help="for measuring the capacity (default: %(default)s)"
    )
    one.add_argument("--share", type=float, default=0.5, help="of the capacity (default: %(default)s)")
    one.set_defaults(run=_soak, name="make soak")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Runs a command; its exit status is 1 where what it judges does not hold."""
    given = _parser().parse_args(arguments)
    extra = " ".join(arguments[list(arguments).index(given.word) + 1 :])
    command = f'{given.name} ARGS="{extra}"' if extra else given.name
    try:
        return int(given.run(given, command))
    except ServerDidNotStartError as error:
        console.print(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
