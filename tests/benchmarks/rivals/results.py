"""results/rivals.json: one entry a part, each with where its figures come from."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from training.provenance import processor

RESULT = Path(__file__).parents[1] / "results" / "rivals.json"


def _commit() -> str:
    """The commit, marked where anything but results differs from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)tests/benchmarks/results")
    return git("rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")


#: Of the code that was loaded: the work tree may move on while it measures.
_COMMIT = _commit()


def about(command: str) -> dict[str, Any]:
    """Where figures come from, as every result says it."""
    return {
        "command": command,
        "commit": _COMMIT,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "machine": processor(),
    }


def keep(part: str, figures: dict[str, Any], command: str, path: Path = RESULT) -> None:
    """Puts a part's figures in place of its last ones; other parts stay. The head is that of the last command."""
    parts = json.loads(path.read_text())["parts"] if path.is_file() else {}
    head = about(command)
    parts[part] = {**head, **figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**head, "parts": dict(sorted(parts.items()))}, indent=1) + "\n")
