"""What a consumer has of its queue: where its jobs come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from pat_events.core.lanes import Lanes
from pat_events.telemetry.partitions import PartitionLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pat_events.consumer.job import Job
    from pat_events.core.lanes import Lane, Order
    from pat_events.core.record import Delivery
    from pat_events.transports.queue import QueueMessage

_NO_LIMIT: Final = 2**63
_NONE: Final = -1


class QueueState:
    """The messages a consumer has, from their arrival until the queue has its answer.

    The ``DeliverySource`` of their jobs; offsets are the order in which they came.

    Attributes:
        taken: What was received, and is neither deleted nor given back, by its id.
        value_bytes: Payload bytes of those.
        at_work: What workers have, and what waits for acknowledgements, by its first lane: what is
            left of a job that was given up has its place.
        to_delete: What is done, and is to be deleted.
        to_give_back: What is to be given back, each with the wait before it comes again, in
            seconds.
    """

    def __init__(self, order: Order) -> None:
        self.alive = True
        self.running = 0
        self.last_to_begin = _NO_LIMIT
        self.lanes = Lanes(order)
        self.taken: dict[str, QueueMessage] = {}
        self.value_bytes = 0
        self.at_work: dict[Lane, Job] = {}
        self.to_delete: list[QueueMessage] = []
        self.to_give_back: list[tuple[QueueMessage, float]] = []
        self._keeps_order = order == "key"
        self._next_offset = 0
        self._sizes: dict[QueueMessage, int] = {}
        # Of each a message was left to the queue, for so long: those behind it wait for it there.
        self._cut: dict[Lane, float] = {}

    def take(self, message: QueueMessage) -> None:
        """This has come."""
        message.offset = self._next_offset
        self._next_offset += 1
        message.attempt = message.receive_count
        self.taken[message.message_id] = message
        size = self._sizes[message] = len(message.value or b"")
        self.value_bytes += size

    def forget(self, message: QueueMessage) -> None:
        """This is not here any more, whatever became of it."""
        del self.taken[message.message_id]
        self.value_bytes -= self._sizes.pop(message)

    def finished(self, deliveries: Sequence[Delivery]) -> None:
        """These were handled or dead-lettered: they are to be deleted."""
        self.to_delete += cast("Sequence[QueueMessage]", deliveries)

    def dropped_value(self, delivery: Delivery) -> None:
        """The payload of a delivery, which is not finished, is not kept any more."""
        message = cast("QueueMessage", delivery)
        self.value_bytes -= self._sizes[message]
        self._sizes[message] = 0

    def leave(self, delivery: Delivery, wait_s: float, lane: Lane | None) -> None:
        """This is given up, and comes again after so many seconds, until the queue moves it away.

        Where order is kept, what waits behind it in its lane goes back as well, for as long.
        """
        self.give_back(cast("QueueMessage", delivery), wait_s)
        if lane is not None and self._keeps_order:
            self._cut[lane] = max(wait_s, self._cut.get(lane, 0.0))

    def give_back(self, message: QueueMessage, wait_s: float = 0.0) -> None:
        """This is to come again after so many seconds, for whoever asks then."""
        self.to_give_back.append((message, wait_s))

    def give_back_all(self, lane: Lane, wait_s: float) -> None:
        """All that waits in this busy lane is to come again; the lane ends."""
        for delivery in self.lanes.take(lane, len(lane.waiting)):
            self.give_back(cast("QueueMessage", delivery), wait_s)
        self.lanes.release(lane)

    def handed_out(self, jobs: Sequence[Job]) -> None:
        """Workers get these."""
        self.running += len(jobs)
        for job in jobs:
            self.at_work[job.lane] = job

    def give_back_waiting(
        self, to_retry: Iterable[tuple[Delivery, float, Lane | None]], now: float
    ) -> None:
        """Give back what is not at work: what is to be retried, for the rest of its wait.

        What is behind one at work goes back after that.
        """
        for delivery, at, behind in to_retry:
            self.leave(delivery, max(0.0, at - now), behind)
            if behind is not None:
                self.lanes.release(behind)
        for lane in self.cut(self.lanes.take_ready()):
            self.give_back_all(lane, 0.0)

    def cut_off(self, now: float, kept_until: Callable[[QueueMessage], float]) -> None:
        """Give back what was never begun behind what is at work: it comes after that.

        Only where nothing is begun any more.
        """
        for job in self.at_work.values():
            # Read once: its worker goes on. Of a batch all is at work.
            begun = len(job.deliveries) if job.registration.batch_size else job.done + 1
            messages = cast("list[QueueMessage]", job.deliveries)
            behind = messages[begun:]
            for lane, _, _ in job.by_lane():
                behind += cast("list[QueueMessage]", self.lanes.take(lane, len(lane.waiting)))
            wait_s = max(0.0, max(map(kept_until, messages[:begun])) - now)
            for message in behind:
                self.give_back(message, wait_s)

    def level(self, queue: str) -> PartitionLevel:
        """Return how much of the queue is here; how much is left in it only the queue knows."""
        taken = self.taken
        return PartitionLevel(
            queue,
            0,
            len(taken),
            self.value_bytes,
            len(self.lanes),
            paused=False,
            lag=None,
            oldest_ms=min((each.timestamp_ms for each in taken.values()), default=None),
        )

    def drain(self) -> None:
        """Begin nothing any more."""
        self.last_to_begin = _NONE

    @property
    def draining(self) -> bool:
        """Whether nothing is begun any more."""
        return self.last_to_begin == _NONE

    def cut(self, ready: Iterable[Lane]) -> list[Lane]:
        """Return the lanes that may run; what waits in the others is given back."""
        if not self._cut:
            return list(ready)
        others = []
        for lane in ready:
            if lane not in self._cut:
                others.append(lane)
                continue
            self.give_back_all(lane, self._cut[lane])
        self._cut = {lane: it for lane, it in self._cut.items() if lane.busy or lane.waiting}
        return others
