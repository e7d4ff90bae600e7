"""What may happen to a command's output: nobody reads on (``| head``), or not every letter can be written there."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

#: The exit status where nobody read everything.
UNREAD = 1


def guarded(run: Callable[[], int]) -> int:
    """Runs a command without a traceback for either; its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal cannot show must not undo what was done; standard error does the same by itself.
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            return run()
        finally:
            sys.stdout.flush()  # or Python does it when it ends, where nobody can catch what goes wrong
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
