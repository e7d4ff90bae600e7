"""How what is missing is installed: one wording for everything that says so.

Only ever from the project's own folder: on the public index, the name `srae` is somebody else's.
"""

from __future__ import annotations

#: Makes the whole installation anew.
EVERYTHING = "make setup in the project's folder"


def command(extra: str) -> str:
    """What installs one of the extras that pyproject.toml lists."""
    return f"pip install -e '.[{extra}]' in the project's folder"
