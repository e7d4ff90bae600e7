"""The chart as a cluster would get it, for each file of values that the repository shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[1]
CHART = DEPLOY / "helm" / "srae"
VALUES = sorted((DEPLOY / "helm" / "values").glob("*.yaml"))
#: No file of values: the chart's defaults.
DEFAULTS = Path("defaults")
#: Of the operators whose resources the chart makes where a cluster knows them.
OPERATORS = "monitoring.coreos.com/v1"

_HELM = Path(sys.executable).parent / "helm"


def helm(*arguments: str) -> str:
    """Runs helm, and gives what it prints.

    Raises:
        RuntimeError: it failed; the text is helm's own.
    """
    ended = subprocess.run([_HELM, *arguments], capture_output=True, text=True)
    if ended.returncode != 0:
        raise RuntimeError(f"helm {' '.join(arguments)}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def given(values: Path) -> list[str]:
    """Helm's arguments for a file of values."""
    return [] if values == DEFAULTS else ["--values", str(values)]


def rendered(values: Path = DEFAULTS, *arguments: str, with_operators: bool = True) -> list[dict[str, Any]]:
    """The resources of a release called photos, in the namespace photos."""
    known = ["--api-versions", OPERATORS] if with_operators else []
    place = ["--namespace", "photos", "--kube-version", "1.37"]
    text = helm("template", "photos", str(CHART), *place, *known, *given(values), *arguments)
    return [resource for resource in yaml.safe_load_all(text) if resource]
