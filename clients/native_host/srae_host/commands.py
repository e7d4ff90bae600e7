"""``srae-host install``, ``uninstall`` and ``doctor``."""

from __future__ import annotations

from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    raise NotImplementedError
