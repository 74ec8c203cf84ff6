"""Who may run next: events of one lane run one after another, lanes run side by side.

A lane is a key of a partition, a whole partition, or a single event, by the
order a group asks for. Everything here is owned by one thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable

    from pat_events.core.record import Delivery

Order: TypeAlias = Literal["key", "partition", "none"]
ORDERS: Final = ("key", "partition", "none")
_WHOLE_PARTITION: Final = b""


class Lane:
    """Deliveries that must not overtake each other."""

    __slots__ = ("busy", "key", "waiting")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.waiting: list[Delivery] = []
        # Its deliveries are with a worker, waiting for a retry, or on their
        # way to the dead letter: nothing behind them may start.
        self.busy = False


class Lanes:
    """The lanes of one partition."""

    __slots__ = ("_lanes", "_order", "_ready", "waiting")

    def __init__(self, order: Order) -> None:
        self._order = order
        self._lanes: dict[Hashable, Lane] = {}
        self._ready: list[Lane] = []
        #: Deliveries that no worker has yet. After ``take_ready`` and ``take``
        #: they are those behind a busy lane.
        self.waiting = 0

    def __len__(self) -> int:
        return len(self._lanes)

    def add(self, delivery: Delivery) -> None:
        """Put a delivery at the end of its lane."""
        # An event without a key has no order to keep: a lane of its own, or
        # all of them would wait for each other.
        if self._order == "key" and delivery.key is not None:
            key: Hashable = delivery.key
        elif self._order == "partition":
            key = _WHOLE_PARTITION
        else:
            key = delivery.offset
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
        if not lane.busy and not lane.waiting:
            self._ready.append(lane)
        lane.waiting.append(delivery)
        self.waiting += 1

    def take_ready(self, last: int | None = None) -> list[Lane]:
        """Return the lanes that can run, and mark them busy.

        With ``last`` only those whose first delivery has at most this offset: the others stay.
        """
        ready, self._ready = self._ready, []
        if last is not None:
            self._ready = [lane for lane in ready if lane.waiting[0].offset > last]
            ready = [lane for lane in ready if lane.waiting[0].offset <= last]
        for lane in ready:
            lane.busy = True
        return ready

    def take(self, lane: Lane, count: int) -> list[Delivery]:
        """Take the first ``count`` deliveries of a busy lane."""
        waiting = lane.waiting
        if count >= len(waiting):
            taken, lane.waiting = waiting, []
        else:
            taken, lane.waiting = waiting[:count], waiting[count:]
        self.waiting -= len(taken)
        return taken

    def put_back(self, lane: Lane, deliveries: list[Delivery]) -> None:
        """Return deliveries that did not run to the front of their busy lane."""
        lane.waiting[:0] = deliveries
        self.waiting += len(deliveries)

    def release(self, lane: Lane) -> None:
        """The lane's work is settled: what waits behind may run, an empty lane ends."""
        lane.busy = False
        if lane.waiting:
            self._ready.append(lane)
        else:
            self._lanes.pop(lane.key, None)
