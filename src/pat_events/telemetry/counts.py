"""What a consumer group counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pat_events.telemetry.observer import (
    DeadLettered,
    Delivered,
    Duplicates,
    GivenBack,
    Handled,
    Held,
    Retried,
)
from pat_events.telemetry.partitions import Lost, Revoked

if TYPE_CHECKING:
    from pat_events.telemetry.observer import Happening


@dataclass(slots=True, kw_only=True)
class ConsumerStats:
    """Counts since the consumer started.

    Every delivery ends in exactly one of ``handled``, ``skipped`` (no handler for
    its type) or ``dead_lettered``, or is still ``in_flight``; ``returned`` ones
    went back to the log with their partition, or to their queue. Of those that were handled
    ``duplicates`` were handled before: no handler was called for them.
    """

    delivered: int = 0
    handled: int = 0
    duplicates: int = 0
    skipped: int = 0
    dead_lettered: int = 0
    retried: int = 0
    held: int = 0
    returned: int = 0
    in_flight: int = 0


class Counts:
    """The observer that counts, for one consumer.

    Attributes:
        stats: The counts, which go on changing; written by the thread that tells what happened.
    """

    def __init__(self) -> None:
        self.stats = ConsumerStats()

    def saw(self, what: Happening) -> None:
        """Count it."""
        stats = self.stats
        match what:
            case Handled(events):
                stats.handled += events
                stats.in_flight -= events
            case Delivered(_, _, events, skipped):
                stats.delivered += events
                stats.skipped += skipped
                stats.in_flight += events - skipped
            case Duplicates(events):
                stats.duplicates += events
            case DeadLettered():
                stats.dead_lettered += 1
                stats.in_flight -= 1
            case Retried():
                stats.retried += 1
            case Held():
                stats.held += 1
            case GivenBack(events):
                stats.returned += events
                stats.in_flight -= events
            case Revoked(_, returned) | Lost(_, returned):
                stats.returned += returned
                stats.in_flight -= returned

    def snapshot(self) -> ConsumerStats:
        """Return the counts as they are now; callable from any thread."""
        return replace(self.stats)
