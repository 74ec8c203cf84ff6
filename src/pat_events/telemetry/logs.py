"""Log records as JSON."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final

# What every record has; the rest came by ``extra``.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_FIRST: Final = frozenset({"time", "level", "logger", "message", "exception", "stack"})


class JsonFormatter(logging.Formatter):
    """Writes each log record as one line of JSON, for whatever collects logs.

    ``time`` (RFC 3339, UTC), ``level``, ``logger`` and ``message``; every field that came by
    ``extra``, whoever gave it; where there is one ``exception``, a traceback, and ``stack``. A
    field that has the name of one of these is left out, and a value that JSON has no form for is
    written as its text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON."""
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {
            name: value
            for name, value in vars(record).items()
            if name not in _OWN and name not in _FIRST
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return _as_json(line)


def _as_json(line: dict[str, object]) -> str:
    try:
        return json.dumps(line, default=str)
    except (TypeError, ValueError):  # A key that is no text, or a value that holds itself.
        return json.dumps({name: str(value) for name, value in line.items()})
