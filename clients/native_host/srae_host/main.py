"""The command ``srae-host``: the browser starts it, and people install it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from srae_host import host


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line, and gives the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    if host.is_browsers_call(given):
        host.run(given)
    from srae_client import standard_output

    from srae_host import commands

    return standard_output.guarded(lambda: commands.run(given))
