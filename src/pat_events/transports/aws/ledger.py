"""What was taken to be sent, until it is settled."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.transports.aws.batching import Entry
    from pat_events.transports.sending import Outgoing


class Ledger:
    """Keeps every record in its order, and counts. Times are monotonic seconds.

    Publishers add, one at a time. The owner takes out, and who closes: whoever does, in the one
    step of ``pop``, settles it.
    """

    def __init__(self, max_events: int, max_bytes: int) -> None:
        #: What is not settled.
        self.outstanding: dict[Outgoing, Entry] = {}
        self._max_events = max_events
        self._max_bytes = max_bytes
        # Of publishers alone, and of those who settle: no lock is between them.
        self._added_bytes = 0
        self._removed_bytes = 0

    def has_room(self, size: int) -> bool:
        """Tell whether a record of so many bytes may be added."""
        waiting_bytes = self._added_bytes - self._removed_bytes
        return len(self.outstanding) < self._max_events and waiting_bytes + size <= self._max_bytes

    def add(self, entry: Entry) -> None:
        """Add a record; with the lock of publishers held."""
        self._added_bytes += entry.size
        self.outstanding[entry.outgoing] = entry

    def remove(self, outgoing: Outgoing) -> bool:
        """Take out a record, to settle it; tells whether it was still there."""
        entry = self.outstanding.pop(outgoing, None)
        if entry is None:
            return False
        entry.over = True
        self._removed_bytes += entry.size
        return True

    def level(self, now: float) -> tuple[int, int, float]:
        """Return how many records are not settled, their bytes, and how long the oldest waits."""
        oldest = self.oldest_taken_at()
        size = self._added_bytes - self._removed_bytes
        return len(self.outstanding), size, 0.0 if oldest is None else max(0.0, now - oldest)

    def oldest_taken_at(self) -> float | None:
        """Return when the oldest was taken; None where there is none."""
        # Not copied first: no call comes between the two steps of it.
        for entry in self.outstanding.values():
            return entry.taken_at
        return None

    def taken_before(self, moment: float) -> list[Entry]:
        """Return what was taken by then; it costs as much as there is, unless that is nothing."""
        oldest = self.oldest_taken_at()
        if oldest is None or oldest > moment:
            return []
        in_order = list(self.outstanding.values())
        return list(takewhile(lambda entry: entry.taken_at <= moment, in_order))
