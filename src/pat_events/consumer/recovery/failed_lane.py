"""The failed deliveries of a lane, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.consumer.job import DeliverySource
    from pat_events.core.lanes import Lane
    from pat_events.core.record import Delivery


@dataclass(slots=True, eq=False)
class FailedLane:
    """The failed deliveries of one lane, which stays busy until each is settled.

    Attributes:
        source: Where they came from.
        lane: The lane.
        retry: What is to be tried again, in its order.
        again_at: When that is due, by the monotonic clock in seconds.
        held: Whether one of those waits for something that is out of order.
        in_vain: Whether one of those waits for what no wait ends: only another process does.
        letters: How many dead letters are not written yet.
    """

    source: DeliverySource
    lane: Lane
    retry: list[Delivery] = field(default_factory=list)
    again_at: float = 0.0
    held: bool = False
    in_vain: bool = False
    letters: int = 0

    def try_again(self, delivery: Delivery, at: float) -> None:
        """One more delivery to be tried again, at this time or when another of them is due."""
        self.retry.append(delivery)
        self.again_at = max(self.again_at, at)
