"""Rivals beside SRAE, in one run on the same machine and photos: `make rivals`, or its parts.

protection  attacks made for each photo (adv-lib's PGD, C&W and DDN) beside our two tiers, on EfficientNet-Lite0;
            photos of 224 pixels a side or of a megapixel. Goes on where the last run stopped.
serving     the same networks and pipeline behind LitServe, BentoML and FastAPI, each in an environment of its own
            that is made under out/rivals/ (pinned: tests/benchmarks/rivals/requirements/), beside our gRPC server
            in process and over Triton, and beside Triton called directly.
fawkes      tries to install and run Fawkes in an environment of its own, and keeps what came of it.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys

from rivals.photos import SHORT_SIDES

PARTS = ("protection", "serving", "fawkes")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the finally clauses that end the servers
    given = _parser().parse_args()
    command = " ".join(["make", "rivals", *([f'ARGS="{shlex.join(sys.argv[1:])}"'] if sys.argv[1:] else [])])
    for part in given.part or ("protection", "serving"):
        if part == "protection":
            from rivals import protection

            for size in given.size or ("224",):
                options = protection.Options(size, given.limit, given.minutes, given.threads, given.data, command)
                protection.run(options)
        elif part == "serving":
            from rivals import serving

            serving.run(serving.Options(given.rounds, given.seconds, given.row or list(serving.ROWS), command))
        else:
            from rivals import fawkes

            fawkes.run(command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make rivals ARGS=...", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="repeatable (default: protection and serving)")
    attacks = parser.add_argument_group("protection")
    attacks.add_argument("--size", action="append", choices=list(SHORT_SIDES), help="repeatable (default: 224)")
    attacks.add_argument("--limit", type=int, default=40, help="at most this many photos (default: %(default)s)")
    attacks.add_argument("--minutes", type=float, default=4.0, help="then stop, and go on next time (default: 4)")
    attacks.add_argument("--threads", type=int, default=2, help="for every contender (default: %(default)s)")
    attacks.add_argument("--data", help="data folder with imagenet-sample/ (default: SRAE_DATA, else ./data)")
    serving = parser.add_argument_group("serving")
    serving.add_argument("--rounds", type=int, default=5, help="turns of every contender (default: %(default)s)")
    serving.add_argument("--seconds", type=float, default=2.0, help="of calls in a turn (default: %(default)s)")
    serving.add_argument(
        "--row", action="append", choices=("network", "png", "jpeg", "sealed"), help="repeatable (default: all)"
    )
    return parser


if __name__ == "__main__":
    main()
