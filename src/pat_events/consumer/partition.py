"""What the engine knows of one assigned partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.core.lanes import Lanes
from pat_events.core.offsets import OffsetTracker

if TYPE_CHECKING:
    from pat_events.core.lanes import Order


class PartitionState:
    """What the engine knows of one assigned partition.

    A new one is made for every assignment. Results that belong to an older one are
    recognised by it and dropped: it is the assignment's epoch.
    """

    __slots__ = (
        "alive",
        "draining",
        "lanes",
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
        #: Works and dead letters that are out of the engine's hands.
        self.running = 0
        #: Handlers not yet called are not called any more.
        self.draining = False
        #: False once the partition is another member's.
        self.alive = True
        self.paused = False

    @property
    def topic_partition(self) -> tuple[str, int]:
        """Topic and partition."""
        return (self.topic, self.partition)
