"""The protocol as data, which the extension's tests read too."""

import json
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "native_messaging.json").read_text("utf-8")
)


def name_of(vector: Any) -> str:
    """A test's id."""
    return str(vector.get("name", vector)) if isinstance(vector, dict) else str(vector)
