"""What a dead letter tells of its cause, whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pat_events.core.record import Position


class StoredCause(NamedTuple):
    """What a dead letter tells of its cause. Times are milliseconds since 1970.

    Anybody may have written it: what is missing or cannot be read is empty, 0, or no origin.
    ``value_bytes`` and ``value_sha256`` are those of a value that was too large for the letter.
    ``replays`` is how often letters of this event were replayed before it was given up again.
    ``writer`` is the program whose headers it has, such as ``Spring``; empty for this package's.
    """

    origin: Position | None = None
    group: str = ""
    handler: str = ""
    reason: str = ""
    error_class: str = ""
    root_cause_class: str = ""
    message: str = ""
    stacktrace: str = ""
    attempts: int = 0
    timestamp_ms: int = 0
    first_failed_ms: int = 0
    last_failed_ms: int = 0
    value_bytes: int = 0
    value_sha256: str = ""
    replays: int = 0
    writer: str = ""
