"""One delivery of one event to one member, and what may be asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.core.recovery.verdict import hold_s
from pat_events.errors import HoldError, PermanentError
from pat_events.testing.simulation.events import POLICY

if TYPE_CHECKING:
    from pat_events.consumer.job import Job
    from pat_events.core.record import Delivery
    from pat_events.producer.ack import Ack
    from pat_events.testing.simulation.events import At

    # Index of a call within its job, and what its handler published.
    Called = tuple[int, list[Ack]]


class Story:
    """A delivery and what its handler did; times by the virtual clock."""

    __slots__ = (
        "acks",
        "attempts_at_least",
        "attempts_at_most",
        "began",
        "calls",
        "delivery",
        "error",
        "gives_up",
        "handled",
        "held",
        "holds",
        "index",
        "job",
        "neighbours",
        "not_before",
        "position",
    )

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.position: At = (delivery.topic, delivery.partition, delivery.offset)
        self.calls = 0
        self.attempts_at_least = self.attempts_at_most = 0
        self.holds = 0
        #: Of each call by the same work, its own among them, the index and what it published.
        self.neighbours: list[Called] = []
        self.began = self.not_before = 0.0
        self.job: Job | None = None
        self.index = 0
        self.error: Exception | None = None
        self.handled = False
        self.acks: list[Ack] = []
        #: After its last failure a dead letter may be written.
        self.gives_up = False
        #: What it waits for since its last failure is out of order.
        self.held = False

    def begin(self, job: Job, neighbours: list[Called], now: float) -> None:
        """Its handler is called."""
        self.neighbours = neighbours
        self.calls += 1
        self.began = now
        self.job = job
        self.index = job.deliveries.index(self.delivery)
        self.handled = False
        self.acks = []
        neighbours.append((self.index, self.acks))

    @property
    def settled(self) -> bool:
        """Whether it was handled for good: nothing may call its handler again."""
        # With a follow-up that failed, all that came after it is repeated.
        return (
            self.handled
            and self.job is not None
            and not self.job.abandoned
            and all(
                ack.settled and ack.error is None
                for index, acks in self.neighbours
                if index <= self.index
                for ack in acks
            )
        )

    def failed(
        self, error: BaseException, now: float, *, surely: bool, together: int = 1
    ) -> tuple[float, float]:
        """Note a failure; returns the shortest and the longest wait that may follow, in seconds.

        Args:
            error: What failed.
            now: By the virtual clock.
            surely: No earlier event of its work published, so that nothing takes its place.
            together: How many events the call that raised it was for.
        """
        # Counted here, as the engine may have counted this failure already.
        least, most = 1 + self.attempts_at_least, 1 + self.attempts_at_most
        self.gives_up = False
        self.held = isinstance(error, HoldError)
        if self.held:
            self.holds += surely
            waits = (hold_s(max(1, self.holds)), hold_s(self.delivery.holds + 1))
        else:
            self.attempts_at_most += 1
            self.attempts_at_least += surely
            wished_s = getattr(error, "retry_after_s", None) or 0.0
            shortest, longest = POLICY.delay_s(least, 1.0, error), POLICY.delay_s(most, 0.0, error)
            waits = (max(wished_s, shortest), max(wished_s, longest))
            if together == 1:
                self.gives_up = isinstance(error, PermanentError) or most >= POLICY.attempts
        if surely:
            self.not_before = now + waits[0]
        return waits
