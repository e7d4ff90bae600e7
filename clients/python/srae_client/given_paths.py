"""Files as the command line names them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path


def path(text: str) -> Path:
    """A file or folder by its name."""
    return Path(name(text))


def name(text: str) -> str:
    """A file's or folder's name as it was given: a slash at its end says something. A lone dash, which other programs
    take for a pipe, would be a file's name here; told apart from ``./-`` it can only be here.

    Raises:
        ArgumentTypeError: it stands for a pipe.
    """
    if text == "-":
        raise ArgumentTypeError("pipes are not supported: name a file (one that is called - is ./-)")
    return text


def path_or_nothing(text: str) -> Path:
    """The name of a file that stands in for standard output.

    Raises:
        ArgumentTypeError: it stands for standard output itself.
    """
    if text == "-":
        raise ArgumentTypeError("for standard output leave it out; a file that is called - is ./-")
    return Path(text)
