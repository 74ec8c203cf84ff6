"""What a worker is given: deliveries on their way through a handler."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pat_events.consumer.context import Context
    from pat_events.consumer.handlers import Registration
    from pat_events.core.lanes import Lane, Lanes
    from pat_events.core.record import Delivery
    from pat_events.errors import HandlerTimeoutError
    from pat_events.producer.ack import Ack


class DeliverySource(Protocol):
    """Where the deliveries of a job came from, and who is told what became of them.

    Of a log it is a partition in one assignment. Above it nobody knows what settles a delivery: an
    offset that may be committed, or a message that is deleted. It belongs to the engine's thread;
    workers read ``last_to_begin``.

    Attributes:
        alive: False once its deliveries are another consumer's: what still comes of them is
            dropped.
        running: Jobs and dead letters that are out of the engine's hands.
        last_to_begin: The highest offset a handler may still be called for. Where a transport has
            none, offsets are the order of arrival.
        lanes: Who may run next.
    """

    alive: bool
    running: int
    last_to_begin: int
    lanes: Lanes

    def finished(self, deliveries: Sequence[Delivery]) -> None:
        """These, one at least, were handled or dead-lettered; the last has the highest offset."""

    def dropped_value(self, delivery: Delivery) -> None:
        """The payload of this delivery, which is not finished, is not kept any more."""


class Job:
    """Deliveries of one lane, or of several for a batch handler, on their way through a handler.

    A worker owns it from ``submit`` until it is posted; the engine owns it before and
    after, and from the moment it sets ``abandoned``.

    Attributes:
        source: Where they came from.
        lane: The lane of the first of them; it stays busy until the job is settled.
        more_lanes: Of a batch, further lanes: each with the index of its first delivery. The last
            delivery of all has the highest offset.
        abandoned: The engine settled it without the worker, which passed its deadline; what
            the worker still does or posts is ignored.
        mixed: Its deliveries are for several handlers.
        done: How many deliveries, from the front, were handled.
        failures: What failed; in a batch there may be several.
        claims: Where events are claimed: of each the key by which it is, or None where it is not.
        skipped: So many of what was done were duplicates, and no handler was called for them.
        raised: What failed a batch of several events as a whole and counts as an attempt of each.
        fetching: A payload is fetched that is kept elsewhere: no handler is at work.
        seconds: How long a worker was at it.
        wanted_back: The engine wants to commit what is done: the worker ends with the delivery at
            work, and the rest goes back to the lane.
        calls_at_least: Before it has made so many calls it does not heed that.
    """

    __slots__ = (
        "abandoned",
        "calls_at_least",
        "claims",
        "deliveries",
        "done",
        "failures",
        "fetching",
        "lane",
        "mixed",
        "more_lanes",
        "raised",
        "seconds",
        "skipped",
        "source",
        "unsettled",
        "wanted_back",
    )

    def __init__(
        self,
        source: DeliverySource,
        lane: Lane,
        deliveries: list[Delivery],
        more_lanes: list[tuple[Lane, int]] | None = None,
    ) -> None:
        self.source = source
        self.lane = lane
        self.more_lanes = more_lanes
        self.deliveries = deliveries
        self.done = 0
        self.failures: list[tuple[int, BaseException]] | None = None
        self.raised: BaseException | None = None
        self.unsettled: list[tuple[int, Ack]] | None = None
        self.abandoned = self.wanted_back = self.mixed = self.fetching = False
        self.claims: Sequence[bytes | None] | None = None
        self.skipped = 0
        self.seconds = 0.0
        self.calls_at_least = 1

    @property
    def registration(self) -> Registration:
        """The handler of the delivery at work, or the last one's."""
        return self.registration_at(self.done)

    def registration_at(self, done: int) -> Registration:
        """Return the handler of the delivery at work when so many were done, or the last one's."""
        at = min(done, len(self.deliveries) - 1)
        registration: Registration = self.deliveries[at].route.registration
        return registration

    def by_lane(self) -> Iterator[tuple[Lane, int, int]]:
        """Yield each lane, and from where to where its deliveries are."""
        lane, begin = self.lane, 0
        for next_lane, next_begin in self.more_lanes or ():
            yield lane, begin, next_begin
            lane, begin = next_lane, next_begin
        yield lane, begin, len(self.deliveries)

    def recall(self) -> None:
        """Have the worker begin no call any more, not even the first."""
        self.calls_at_least = 0
        self.wanted_back = True

    def note_acks(self, index: int, context: Context) -> None:
        """Remember what a handler published: the delivery is done when that is."""
        if self.unsettled is None:
            self.unsettled = []
        self.unsettled.extend((index, ack) for ack in context.acks or ())

    def given_up(self, error: HandlerTimeoutError) -> Job:
        """Return what is left of a job whose handler passed its deadline.

        A job of its own, which the late worker does not know and cannot change.
        """
        last = len(self.deliveries) - 1
        left = Job(self.source, self.lane, self.deliveries, self.more_lanes)
        left.mixed = self.mixed
        left.claims, left.skipped = self.claims, self.skipped
        left.seconds = self.seconds
        if self.registration.batch_size:
            # Which event of a batch hangs is unknown: each is then tried alone.
            left.done = last + 1
            left.failures = [(index, error) for index in range(last + 1)]
            left.raised = error if last else None
        else:
            left.done = min(self.done, last)
            left.failures = [(left.done, error)]
            left.unsettled = [it for it in self.unsettled or () if it[0] < left.done] or None
        return left

    def repeat_from(self, index: int, error: BaseException) -> None:
        """What the delivery at ``index`` published failed: go back to it.

        Later deliveries of the job are repeated too, as after a crash: once
        more is allowed, out of order is not.
        """
        if self.abandoned:
            return
        earlier = [failure for failure in self.failures or () if failure[0] < index]
        self.failures = [*earlier, (index, error)]
        self.done = index


def post_when_settled(job: Job, post: Callable[[Job], None]) -> None:
    """Post a job once everything its handlers published is acknowledged or given up.

    Not one that was abandoned: what is left of that has been posted.
    """
    if job.abandoned:
        return
    if job.unsettled is None:
        post(job)
        return
    remaining = _Countdown(job, post)
    for index, ack in job.unsettled:
        ack.add_done_callback(partial(remaining.settled, index))


class _Countdown:
    def __init__(self, job: Job, post: Callable[[Job], None]) -> None:
        self._job = job
        self._post = post
        self._left = len(job.unsettled or ())
        # Re-entrant: the handler of a signal may publish, and so settle another of them in here.
        self._lock = threading.RLock()
        self._failed: tuple[int, BaseException] | None = None

    def settled(self, index: int, ack: Ack) -> None:
        with self._lock:
            self._left -= 1
            if ack.error is not None and (self._failed is None or index < self._failed[0]):
                self._failed = (index, ack.error)
            finished = self._left == 0
        if finished:
            self._job.unsettled = None
            if self._failed is not None:
                self._job.repeat_from(*self._failed)
            self._post(self._job)
