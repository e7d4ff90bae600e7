"""What may happen to a command's output: nobody reads on (``| head``), the disk behind it is full, it is closed, or not
every letter can be written there.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

#: The exit status where not everything could be written.
UNREAD = 1


def guarded(run: Callable[[], int]) -> int:
    """Runs a command without a traceback for any of these; its exit status."""
    _open_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal cannot show must not undo what was done; standard error does the same by itself.
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            return run()
        finally:
            sys.stdout.flush()  # or Python does it when it ends, where nobody can catch what goes wrong
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"The output cannot be written: {error.strerror}. What was done stays done.", file=sys.stderr)
        return UNREAD


def _open_closed() -> None:
    """Has all three of the standard streams lead somewhere: whoever started this may have closed them (``>&-``)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))  # for as long as the program runs
