"""What the engine knows of one assigned partition."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from pat_events.core.lanes import Lanes
from pat_events.core.offsets import OffsetTracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pat_events.core.lanes import Order
    from pat_events.core.record import Delivery, TopicPartition

# Kafka's offsets have 63 bits.
_NO_LIMIT: Final = 2**63
_NONE: Final = -1


class PartitionState:
    """What the engine knows of one assigned partition; the ``DeliverySource`` of its jobs.

    A new one is made for every assignment. Results that belong to an older one are
    recognised by it and dropped: it is the assignment's epoch.
    """

    __slots__ = (
        "alive",
        "dates",
        "draining",
        "finished_up_to",
        "lanes",
        "last_to_begin",
        "partition",
        "paused",
        "running",
        "topic",
        "tracker",
    )

    def __init__(self, topic: str, partition: int, order: Order) -> None:
        self.topic = topic
        self.partition = partition
        self.tracker = OffsetTracker()
        self.lanes = Lanes(order)
        #: Jobs and dead letters that are out of the engine's hands.
        self.running = 0
        #: The partition is about to go: no handler is called beyond ``last_to_begin``.
        self.draining = False
        #: The highest offset a handler may still be called for; read by workers.
        self.last_to_begin = _NO_LIMIT
        #: The highest offset that was handled or dead-lettered in this assignment.
        self.finished_up_to = _NONE
        #: False once the partition is another member's.
        self.alive = True
        self.paused = False
        #: When some of its events were published: offset and time of the first of each poll. Kept
        #: where levels are told, for ``oldest_ms``, which forgets those that are settled.
        self.dates: deque[tuple[int, int]] = deque()

    def finished(self, deliveries: Sequence[Delivery]) -> None:
        """These were handled or dead-lettered; the last has the highest offset."""
        finish = self.tracker.finish
        for delivery in deliveries:
            finish(delivery.offset)
        self.finished_up_to = max(self.finished_up_to, delivery.offset)

    def dropped_value(self, delivery: Delivery) -> None:
        """The payload of a delivery in flight is not kept any more."""
        self.tracker.drop_value(delivery.offset)

    def oldest_ms(self, lowest: int | None) -> int | None:
        """Return when the event at ``lowest`` was published, or one that came in its poll before.

        In milliseconds since 1970; None where nothing was read.
        """
        dates = self.dates
        while len(dates) > 1 and lowest is not None and dates[1][0] <= lowest:
            dates.popleft()
        return dates[0][1] if dates else None

    def drain(self) -> None:
        """Begin nothing any more, unless ``last_to_begin`` is moved."""
        self.draining = True
        self.last_to_begin = _NONE

    @property
    def topic_partition(self) -> tuple[str, int]:
        """Topic and partition."""
        return (self.topic, self.partition)


def names_of(partitions: Iterable[TopicPartition]) -> str:
    """Return the names of partitions, for a log."""
    return ", ".join(f"{topic}/{partition}" for topic, partition in sorted(partitions))
