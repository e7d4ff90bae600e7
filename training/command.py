"""What the training commands share: one that lacks its data says so, and how to go on, in a sentence."""

from __future__ import annotations

from collections.abc import Callable

from training.data.photos import DataMissingError


def run(main: Callable[[], None]) -> None:
    """Runs a command; where a data set is missing, its exit is the message."""
    try:
        main()
    except DataMissingError as error:
        raise SystemExit(str(error)) from None
