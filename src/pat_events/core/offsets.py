"""Which offset a group may commit: never past an event that is not settled."""

from __future__ import annotations


class OffsetTracker:
    """Offsets of one partition, from delivery to settlement.

    Offsets start in ascending order, as a partition is read, and finish in any
    order. Gaps in the log (transaction markers, compaction) cost nothing: only offsets that were
    delivered are known here, and the end of the partition once reading got there.
    """

    __slots__ = ("_committed", "_in_flight", "_next", "value_bytes")

    def __init__(self) -> None:
        # A dict keeps insertion order, which is offset order, so the first
        # key is the lowest offset in flight; the value is the size of its payload.
        self._in_flight: dict[int, int] = {}
        #: Payload bytes of the events in flight.
        self.value_bytes = 0
        self._next: int | None = None
        self._committed: int | None = None

    def __len__(self) -> int:
        return len(self._in_flight)

    def start(self, offset: int, value_bytes: int) -> None:
        """An event with so many bytes of payload was delivered and is not settled yet."""
        self._in_flight[offset] = value_bytes
        self.value_bytes += value_bytes
        self._next = offset + 1

    @property
    def uncommitted(self) -> int:
        """How many offsets lie between the committable one and the last delivered.

        Gaps in the log count: it is at least the number of events that a crash repeats.
        """
        if not self._in_flight:
            return 0
        return self._next - next(iter(self._in_flight))  # type: ignore[operator]

    def reach(self, offset: int) -> None:
        """Everything before this offset was delivered, or never will be: reading got so far."""
        if self._next is None or offset > self._next:
            self._next = offset

    def finish(self, offset: int) -> None:
        """An event was handled, skipped or dead-lettered. A second time is ignored."""
        self.value_bytes -= self._in_flight.pop(offset, 0)

    def drop_value(self, offset: int) -> None:
        """The payload of an event in flight is not kept any more."""
        self.value_bytes -= self._in_flight[offset]
        self._in_flight[offset] = 0

    def committable(self) -> int | None:
        """Return the next offset to read after a restart, or None where nothing was read.

        It is the lowest offset in flight, else the one up to which was read.
        """
        return next(iter(self._in_flight), self._next)

    def to_commit(self) -> int | None:
        """Return ``committable`` if it moved since the last commit, else None."""
        offset = self.committable()
        return None if offset == self._committed else offset

    def committed(self, offset: int) -> None:
        """Remember what was handed to the broker."""
        self._committed = offset
