"""The breakers of a consumer's handlers: which lanes are kept, and which of them is the probe."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from pat_events.consumer.job import Job
from pat_events.consumer.recovery.waiting import Wait
from pat_events.core.dead_letter import class_of, message_of
from pat_events.core.recovery.breaker import Outcome
from pat_events.core.recovery.verdict import may_be_over_soon
from pat_events.core.shown import one_line
from pat_events.telemetry.observer import BreakerChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pat_events.consumer.breaker import Breaker
    from pat_events.consumer.job import DeliverySource
    from pat_events.core.lanes import Lane
    from pat_events.core.record import Delivery
    from pat_events.telemetry.observer import BreakerState, Observer

_log = logging.getLogger("pat_events.consumer")


class _Kept:
    """What a consumer knows of one of its breakers."""

    __slots__ = ("at_work", "candidate", "lanes", "probe", "was_open")

    def __init__(self) -> None:
        #: It was open when it was looked at last.
        self.was_open = False
        #: Lanes that wait for it; they are busy. The one that waits longest is the next probe's.
        self.lanes: deque[tuple[DeliverySource, Lane]] = deque()
        #: The lane whose turn it is to be the probe's, until the next look.
        self.candidate: Lane | None = None
        #: The lane whose first event is the probe.
        self.probe: tuple[DeliverySource, Lane] | None = None
        #: The jobs that workers have, by their first lane.
        self.at_work: dict[Lane, Job] = {}


class Breakers:
    """Keeps the lanes of handlers whose breaker is open; owned by the engine's thread.

    Args:
        breakers: Those of the consumer's handlers.
        observer: Is told when one opens or closes.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self, breakers: Iterable[Breaker], observer: Observer, clock: Callable[[], float]
    ) -> None:
        self._observer = observer
        self._clock = clock
        self._kept = {breaker: _Kept() for breaker in breakers}

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def waiting(self) -> Iterator[Wait]:
        """What is kept: until when it surely is, and the first offset of each lane."""
        for until, source, lane in self._lanes:
            yield Wait(until, source, lane.waiting[0].offset, held=True)

    @property
    def _lanes(self) -> Iterator[tuple[float, DeliverySource, Lane]]:
        for breaker, kept in self._kept.items():
            for source, lane in kept.lanes:
                if source.alive:
                    yield breaker.until, source, lane

    @property
    def next_due(self) -> float | None:
        """When one of the lanes may have the probe, by the monotonic clock in seconds."""
        due = (
            breaker.until
            for breaker, kept in self._kept.items()
            if kept.lanes and kept.probe is None and kept.candidate is None
        )
        return min(due, default=None)

    @property
    def open(self) -> tuple[str, ...]:
        """Those that are open, in words."""
        return tuple(
            f"breaker {breaker.name} is open: {breaker.why}"
            for breaker in self._kept
            if breaker.is_open
        )

    def admit(self, source: DeliverySource, ready: list[Lane], jobs: list[Job]) -> list[Lane]:
        """Return the lanes whose handlers may be called; others are kept.

        A probe is a job by itself, of one event, and goes to ``jobs``.
        """
        if not any(breaker.circuit.is_open for breaker in self._kept):
            return ready
        admitted: list[Lane] = []
        for lane in ready:
            breaker = lane.waiting[0].route.registration.breaker
            if breaker is None or not breaker.is_open:
                admitted.append(lane)
                continue
            kept = self._kept[breaker]
            if lane is kept.candidate and breaker.take_probe(self._clock()):
                kept.probe = (source, lane)
                jobs.append(Job(source, lane, source.lanes.take(lane, 1)))
            else:
                kept.lanes.append((source, lane))
        return admitted

    def handed_out(self, jobs: Iterable[Job]) -> None:
        """Workers get these."""
        for job in jobs:
            breaker = job.deliveries[0].route.registration.breaker
            if breaker is not None:
                self._kept[breaker].at_work[job.lane] = job

    def came_back(self, items: Iterable[object]) -> None:
        """Learn what came of the jobs among these, before they are settled."""
        for item in items if self._kept else ():
            if type(item) is Job and not item.abandoned:
                # One for all of a job: see ``take_chunks``.
                breaker = item.deliveries[0].route.registration.breaker
                if breaker is None:
                    continue
                kept = self._kept[breaker]
                kept.at_work.pop(item.lane, None)
                slow_s = breaker.slow_s
                # As it is most of the time, and nothing to be learned.
                if not (
                    breaker.circuit.calm
                    and item.failures is None
                    and not kept.was_open
                    and (slow_s is None or item.seconds < slow_s)
                ):
                    self._came_back(item, breaker, kept)

    def _came_back(self, job: Job, breaker: Breaker, kept: _Kept) -> None:
        is_probe = kept.probe is not None and kept.probe[1] is job.lane
        if is_probe:
            kept.probe = None
        if breaker.came(_outcome(job, breaker.slow_s), self._clock(), is_probe=is_probe):
            _say(breaker)
        if breaker.is_open is not kept.was_open:
            self._changed(breaker, kept)

    def look(self, now: float) -> None:
        """See what others have learned of a breaker, and whose turn it is to be the probe."""
        for breaker, kept in self._kept.items():
            if breaker.is_open is not kept.was_open:
                self._changed(breaker, kept)
            if kept.probe is not None and not kept.probe[0].alive:
                self._no_probe(breaker, kept)
            kept.candidate = None
            if kept.lanes and breaker.may_probe(now):
                _choose(kept)

    def end(self) -> None:
        """Nothing is called any more: a probe that did not come back is nobody's."""
        for breaker, kept in self._kept.items():
            if kept.probe is not None:
                self._no_probe(breaker, kept)

    def drop(self) -> list[tuple[Delivery, float, Lane | None]]:
        """Forget what is kept; returns the first of each lane, and until when it surely was."""
        dropped: list[tuple[Delivery, float, Lane | None]] = [
            (source.lanes.take(lane, 1)[0], until, lane)
            for until, source, lane in tuple(self._lanes)
        ]
        for kept in self._kept.values():
            kept.lanes.clear()
        return dropped

    def _no_probe(self, breaker: Breaker, kept: _Kept) -> None:
        kept.probe = None
        breaker.came(Outcome(0, 0), self._clock(), is_probe=True)

    def _changed(self, breaker: Breaker, kept: _Kept) -> None:
        kept.was_open = breaker.is_open
        if kept.was_open:
            for job in kept.at_work.values():
                job.recall()
        else:
            # Calls that hang, of what is another consumer's by now, never come back.
            kept.at_work = {it: job for it, job in kept.at_work.items() if job.source.alive}
            while kept.lanes:
                source, lane = kept.lanes.popleft()
                source.lanes.release(lane)
        state: BreakerState = "open" if kept.was_open else "closed"
        self._observer.saw(BreakerChanged(breaker.name, state, breaker.why))


def is_kept(delivery: Delivery) -> bool:
    """Tell whether the breaker of a delivery's handler is open."""
    breaker: Breaker | None = delivery.route.registration.breaker
    return breaker is not None and breaker.is_open


def _choose(kept: _Kept) -> None:
    """Let the lane that waits longest go, for one of its events to be the probe."""
    # What is another consumer's by now is not kept in memory for as long as an outage.
    kept.lanes = deque(each for each in kept.lanes if each[0].alive)
    for source, lane in kept.lanes:
        # Of a partition that is about to go nothing is begun.
        if lane.waiting[0].offset <= source.last_to_begin:
            kept.lanes.remove((source, lane))
            kept.candidate = lane
            source.lanes.release(lane)
            return


def _outcome(job: Job, slow_s: float | None) -> Outcome:
    failures = job.failures or ()
    # By identity: a batch that raised is one call.
    counted = {
        id(error): error
        for index, error in failures
        if may_be_over_soon(error, job.deliveries[index].route.registration.retry)
    }
    failed = len(counted)
    # Of a duplicate nothing was called.
    returned = job.done - job.skipped - sum(index < job.done for index, _ in failures)
    if job.registration.batch_size:
        failed = min(1, failed)
        returned = min(1 - failed, returned)
    if counted:
        error = list(counted.values())[-1]
        return Outcome(returned, failed, one_line(f"{class_of(error)}: {message_of(error)}"))
    # A job ends with the call at work when it is at it for a quarter of a second: see ``Watch``.
    if returned and slow_s is not None and job.seconds >= slow_s:
        return Outcome(returned - 1, 1, f"{job.seconds:.1f} s, which is too slow")
    return Outcome(returned, 0)


def _say(breaker: Breaker) -> None:
    if breaker.is_open:
        _log.warning(
            "breaker %s is open: %s; its handlers are not called and their events held, until one "
            "that is tried now and then succeeds",
            breaker.name,
            breaker.why,
        )
    else:
        _log.warning("breaker %s is closed: its handlers are called again", breaker.name)
