"""What waits for its time: plain values, by when they are due."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pat_events.consumer.recovery.failed_lane import FailedLane

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pat_events.consumer.job import DeliverySource
    from pat_events.consumer.recovery.dead_letters import OutgoingDeadLetter


#: What is to be done: try a lane's deliveries again, or send a dead letter again.
Due: TypeAlias = "FailedLane | OutgoingDeadLetter"


class Wait(NamedTuple):
    """What something waits for, and where."""

    at: float
    source: DeliverySource
    offset: int
    held: bool


class Entry(NamedTuple):
    """What waits until when."""

    at: float
    tie: int
    due: Due


class Waiting:
    """What is to be done later, soonest first; times by the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._tie = itertools.count()

    @property
    def next_due(self) -> float | None:
        """When something is due, or None where nothing waits."""
        return self._heap[0].at if self._heap else None

    def add(self, at: float, due: Due) -> None:
        """Keep this until then."""
        heapq.heappush(self._heap, Entry(at, next(self._tie), due))

    def add_or_free(self, failed_lane: FailedLane) -> None:
        """Keep a lane until its deliveries are due, or free it if nothing is open of it."""
        if failed_lane.retry:
            self.add(failed_lane.again_at, failed_lane)
        elif not failed_lane.letters:
            failed_lane.source.lanes.release(failed_lane.lane)

    def pop(self, now: float) -> Due | None:
        """Return what is due and has waited longest, or None."""
        if self._heap and self._heap[0].at <= now:
            return heapq.heappop(self._heap).due
        return None

    @property
    def all(self) -> Sequence[Entry]:
        """What waits, in no order."""
        return self._heap

    def take_all(self) -> list[Entry]:
        """Return all that waits, and keep none of it."""
        taken, self._heap = self._heap, []
        return taken

    def __iter__(self) -> Iterator[Wait]:
        """Yield what waits: until when, where, its first offset, and whether it is held."""
        for at, _, due in self._heap:
            if isinstance(due, FailedLane):
                yield Wait(at, due.source, due.retry[0].offset, due.held)
            else:
                yield Wait(at, due.source, due.delivery.offset, held=True)
