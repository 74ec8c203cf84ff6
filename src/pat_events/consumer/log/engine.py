"""The engine of a consumer group: poll, hand out, settle, commit.

One thread owns an engine and makes every call, those of ``RebalanceListener`` included
(they come from within ``Receiver.poll``). Clock, transport, workers and
randomness are handed in, so that it also runs under a simulated clock.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pat_events.consumer.chunks import take_jobs
from pat_events.consumer.ended_jobs import tell_jobs
from pat_events.consumer.job import Job
from pat_events.consumer.log.back_pressure import BackPressure
from pat_events.consumer.log.commits import Commits
from pat_events.consumer.log.drain import Drain
from pat_events.consumer.log.partition import PartitionState, names_of
from pat_events.consumer.log.readiness import Readiness
from pat_events.consumer.log.timed_polls import TimedPolls
from pat_events.consumer.routes import Route, unhandled
from pat_events.consumer.workers.deadlines import give_up_overdue
from pat_events.core.shown import one_line
from pat_events.errors import HoldError, TransportError
from pat_events.telemetry.observer import Delivered, Handled
from pat_events.telemetry.partitions import Assigned, Lost, Revoked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from pat_events.consumer.log.limits import Limits
    from pat_events.consumer.recovery.dead_letters import OutgoingDeadLetter
    from pat_events.consumer.recovery.recovery import Recovery
    from pat_events.consumer.routes import Routes
    from pat_events.consumer.workers.inbox import Inbox
    from pat_events.consumer.workers.pool import WorkerPool
    from pat_events.core.lanes import Order
    from pat_events.core.record import Delivery, TopicPartition
    from pat_events.telemetry.observers import Observers
    from pat_events.transports.log import Receiver

_log = logging.getLogger("pat_events.consumer")

POLL_RECORDS: Final = 500
# Longest sleep inside the receiver, in seconds: bounds how late a stop or a due retry is seen.
POLL_S: Final = 0.1
# While events wait behind a lane at work, look this often for its end, in seconds.
_BUSY_POLL_S: Final = 0.002
_WATCH_S: Final = 0.05
# While a partition is full, wait this long for a handler to make room, in seconds.
_ROOM_S: Final = 0.02
# While partitions are given back and jobs wait, wake another worker this often, in seconds.
_WAKE_IDLE_S: Final = 0.02
_AFTER_READ_ERROR_S: Final = 1.0


class Engine:
    """Drives one member of a consumer group; see the module."""

    def __init__(
        self,
        *,
        receiver: Receiver,
        routes: Routes,
        workers: WorkerPool,
        inbox: Inbox,
        recovery: Recovery,
        order: Order,
        limits: Limits,
        observer: Observers,
        clock: Callable[[], float],
    ) -> None:
        self._receiver = receiver
        self._routes = routes
        self._workers = workers
        self._inbox = inbox
        self._recovery = recovery
        self._order: Order = order
        # A partition that is one lane has nothing to gather.
        self._takes_batches = routes.has_batches and order != "partition"
        self._drain_timeout_s = limits.drain_timeout_s
        self._observer = observer
        self._clock = clock
        self._partitions: dict[TopicPartition, PartitionState] = {}
        self._next_watch = 0.0
        self._own: frozenset[str] = frozenset()
        self._abort = False
        self._cut_off = 0
        self._back_pressure = BackPressure(receiver, self._partitions, observer, limits)
        interval_s = limits.commit_interval_s
        self._commits = Commits(receiver, self._partitions, observer, interval_s, clock)
        self._polls: Receiver | TimedPolls = receiver
        if observer.wants_operations:
            self._polls = TimedPolls(receiver, observer, clock)
        self.readiness = Readiness(receiver, self._partitions, recovery, observer)

    def subscribe(self, topics: Sequence[str], own: Collection[str] = ()) -> None:
        """Join the group for topics, and for those that are its ``own``, where these are there."""
        self._own = frozenset(own)
        self._receiver.subscribe(topics, self, own)

    def abort(self) -> None:
        """Do not wait for handlers any more; callable from any thread."""
        self._abort = True

    def close(self) -> int:
        """Drain, commit and leave the group.

        Returns how many events were not settled where handlers did not end in time.
        """
        self._cut_off = 0  # Those of earlier rebalances are not this call's.
        try:
            self._receiver.close()
        finally:
            self._recovery.sum_up(all_of_it=True)
        return self._cut_off

    def step(self) -> None:
        """Do everything that is due, then wait for events, at most ``POLL_S``.

        Raises:
            OffsetOutOfRangeError: a position is no longer in the log; see ``Receiver.poll``.
            ConfigError: this member cannot join the group as it is set up.
            WorkersExhaustedError: as many calls hang as there are workers.
            HoldError: this member reads no more and has to be started again.
        """
        now = self._clock()
        if now >= self._next_watch:
            self._next_watch = now + _WATCH_S
            give_up_overdue(self._workers, now)
        self._settle(self._inbox.take(0))
        self._recovery.run_due(now)
        if self._commits.commit_if_due(now):
            self._recovery.sum_up()
        self.readiness.look_if_due(now)
        self._hand_out()
        if self._back_pressure.apply(now):
            self._settle(self._inbox.take(_ROOM_S))
            return
        wanted = max(1, min(POLL_RECORDS, self._back_pressure.room))
        try:
            deliveries = self._polls.poll(wanted, self._poll_s(now))
        except TransportError as error:
            self._recovery.reading_failed(error)
            self._settle(self._inbox.take(_AFTER_READ_ERROR_S))
            return
        self._accept(deliveries)
        self._hand_out()

    def _poll_s(self, now: float) -> float:
        if self._workers.wake_idle():
            return _BUSY_POLL_S
        for state in self._partitions.values():
            if state.running and (state.paused or state.lanes.waiting):
                return _BUSY_POLL_S
        due = self._recovery.next_due
        return POLL_S if due is None else min(POLL_S, max(0.0, due - now))

    def _accept(self, deliveries: list[Delivery]) -> None:
        find = self._routes.find
        states = self._partitions
        accepted = skipped = 0
        state: PartitionState | None = None
        topic = ""
        partition = -1
        for delivery in deliveries:
            if delivery.partition != partition or delivery.topic != topic:
                if accepted:
                    self._observer.saw(Delivered(topic, partition, accepted, skipped))
                    accepted = skipped = 0
                topic, partition = delivery.topic, delivery.partition
                state = states.get((topic, partition))
                if state is not None and self._observer.wants_levels:
                    state.dates.append((delivery.offset, delivery.timestamp_ms))
            if state is None:
                continue  # Polled before a rebalance, delivered after it.
            accepted += 1
            value = delivery.value
            state.tracker.start(delivery.offset, 0 if value is None else len(value))
            route = find(delivery)
            if route is None and topic not in self._own:
                state.tracker.finish(delivery.offset)
                skipped += 1
            elif isinstance(route, Route):
                delivery.route = route
                state.lanes.add(delivery)
            else:
                # Skipped, what was written for this group alone would be lost without a word.
                self._recovery.refuse(state, delivery, route or unhandled(delivery))
        if accepted:
            self._observer.saw(Delivered(topic, partition, accepted, skipped))

    def _hand_out(self) -> None:
        jobs: list[Job] = []
        gates = self._recovery.gates
        for state in self._partitions.values():
            last = state.last_to_begin if state.draining else None
            ready = state.lanes.take_ready(last)
            if not ready:
                continue
            taken = take_jobs(
                state, ready, last, POLL_RECORDS, batches=self._takes_batches, gates=gates
            )
            state.running += len(taken)
            jobs += taken
        if jobs:
            self._workers.submit(jobs)

    def _settle(self, items: Sequence[Job | OutgoingDeadLetter]) -> None:
        handled = 0
        self._recovery.came_back(items)
        if self._observer.wants_jobs:
            tell_jobs(items, self._observer)
        for item in items:
            source = item.source
            if not source.alive:
                continue  # The partition is another member's by now.
            if type(item) is not Job:
                source.running -= 1
                self._recovery.settle_letter(item)  # type: ignore[arg-type]
                continue
            if item.abandoned:
                continue  # Settled when it was given up.
            source.running -= 1
            if item.failures is None and item.done == len(item.deliveries):
                source.finished(item.deliveries)
                handled += item.done
                source.lanes.release(item.lane)
                if item.more_lanes is not None:
                    for lane, _ in item.more_lanes:
                        source.lanes.release(lane)
            else:
                self._recovery.settle(item)
        if handled:
            self._observer.saw(Handled(handled))

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Begin with these partitions."""
        for topic_partition in partitions:
            self._partitions[topic_partition] = PartitionState(*topic_partition, self._order)
        _log.info("assigned %s", names_of(partitions))
        self._observer.saw(Assigned(tuple(partitions)))

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Finish what is at work and what lies below the highest finished offset, commit, forget.

        See ``Drain``.
        """
        states = self._known(partitions)
        drain = Drain(states, self._recovery, self._clock(), self._drain_timeout_s)
        while not self._abort:
            now = self._clock()
            try:
                # The partitions that stay ours go on meanwhile.
                self._recovery.run_due(now)
                retries = drain.move_limits(now)
                self._hand_out()
                if now >= drain.deadline or not (retries or drain.at_work):
                    break
                wait_s = _WAKE_IDLE_S if self._workers.wake_idle() else POLL_S
                self._settle(self._inbox.take(min(wait_s, drain.deadline - now)))
                give_up_overdue(self._workers, now)
            except HoldError as error:
                # There is nothing left that runs handlers; what they did is committed all the same.
                _log.error("%s", one_line(str(error)))
                break
        for state in states:
            state.drain()
        self._cut_off += sum(len(state.tracker) for state in states if state.running)
        self._commits.commit_last(states)
        returned = self._forget(states)
        _log.info("revoked %s", names_of(partitions))
        self._observer.saw(Revoked(tuple(partitions), returned))

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Forget: another member has these partitions already."""
        returned = self._forget(self._known(partitions))
        _log.warning("lost %s: another member handles its events again", names_of(partitions))
        self._observer.saw(Lost(tuple(partitions), returned))

    def _known(self, partitions: Sequence[TopicPartition]) -> list[PartitionState]:
        return [self._partitions[each] for each in partitions if each in self._partitions]

    def _forget(self, states: list[PartitionState]) -> int:
        """Drop these; returns how many of their events are not done."""
        with self.readiness.changing:
            for state in states:
                state.alive = False
                state.drain()
                self._partitions.pop(state.topic_partition, None)
        return sum(len(state.tracker) for state in states)
