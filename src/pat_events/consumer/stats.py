"""What a consumer group counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class GroupStats:
    """Counts since the group started.

    Every delivery ends in exactly one of ``handled``, ``skipped`` (no handler for
    its type) or ``dead_lettered``, or is still ``in_flight``; ``returned`` ones
    went back to the log with their partition.
    """

    delivered: int = 0
    handled: int = 0
    skipped: int = 0
    dead_lettered: int = 0
    retried: int = 0
    held: int = 0
    returned: int = 0
    in_flight: int = 0
