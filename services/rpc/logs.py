"""Logs as one JSON object a line, on stderr. They tell of calls, never of what is in a photo."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; ``extra={"fields": {...}}`` adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def configure() -> None:
    """Sends all logs of this process to stderr; stdout stays for the line that tells the address."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Of damaged metadata Pillow writes a line an entry, as many as a caller likes.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
