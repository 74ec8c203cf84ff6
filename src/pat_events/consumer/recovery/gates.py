"""Which lanes are kept as handlers must not be called, and which of them is the probe.

For a handler's breaker, and for the dead-letter limit: both are gates that are open then.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pat_events.consumer.job import Job
from pat_events.consumer.recovery.gate_changes import change_of, log_change
from pat_events.consumer.recovery.outcomes import calls_of, given_up_of
from pat_events.consumer.recovery.waiting import Wait
from pat_events.core.recovery.circuit import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

    from pat_events.consumer.breaker import Breaker
    from pat_events.consumer.gate import Gate
    from pat_events.consumer.handlers import Registration
    from pat_events.consumer.job import DeliverySource
    from pat_events.consumer.letter_limit import LetterLimit
    from pat_events.core.lanes import Lane
    from pat_events.core.record import Delivery
    from pat_events.telemetry.observer import Observer


class _Kept:
    """What a consumer knows of one of its gates."""

    __slots__ = ("candidate", "lanes", "probe", "was_open")

    def __init__(self) -> None:
        #: It was open when it was looked at last.
        self.was_open = False
        #: Lanes that wait for it; they are busy. The one that waits longest is the next probe's.
        self.lanes: deque[tuple[DeliverySource, Lane]] = deque()
        #: The lane whose turn it is to be the probe's, until the next look.
        self.candidate: Lane | None = None
        #: The lane whose first event is the probe.
        self.probe: tuple[DeliverySource, Lane] | None = None


class Gates:
    """Keeps the lanes of handlers that must not be called; owned by the engine's thread.

    Args:
        breakers: Those of the consumer's handlers.
        limits: That of dead letters of each handler, where there is one.
        at_work: Returns the jobs that workers have.
        observer: Is told when one opens or closes.
        clock: Monotonic, in seconds.
        uncounted: Topics of what was given up before: that it is again tells nothing new.

    Attributes:
        keeps: One is open: lanes have to be admitted.
    """

    def __init__(
        self,
        breakers: Iterable[Breaker],
        limits: Sequence[LetterLimit],
        at_work: Callable[[], Iterable[Job]],
        observer: Observer,
        clock: Callable[[], float],
        uncounted: Container[str] = (),
    ) -> None:
        self._uncounted = uncounted
        self._at_work = at_work
        self._observer = observer
        self._clock = clock
        self._breakers = tuple(breakers)
        self._limits = {limit.name: limit for limit in limits}
        self._kept: dict[Gate, _Kept] = {gate: _Kept() for gate in (*self._breakers, *limits)}
        self.keeps = False
        # Jobs whose calls all returned are looked at as well.
        self._watches = False
        self._note_state()

    @property
    def waiting(self) -> Iterator[Wait]:
        """What is kept: until when it surely is, and the first offset of each lane."""
        for until, source, lane in self._lanes:
            yield Wait(until, source, lane.waiting[0].offset, held=True)

    @property
    def _lanes(self) -> Iterator[tuple[float, DeliverySource, Lane]]:
        for gate, kept in self._kept.items():
            for source, lane in kept.lanes:
                if source.alive:
                    yield gate.until, source, lane

    @property
    def next_due(self) -> float | None:
        """When one of the lanes may have the probe, by the monotonic clock in seconds.

        None while another consumer has it: nobody knows for how long.
        """
        if not self.keeps:
            return None
        due = (
            gate.until
            for gate, kept in self._kept.items()
            if kept.lanes and kept.candidate is None and not gate.circuit.probing
        )
        return min(due, default=None)

    @property
    def open(self) -> tuple[str, ...]:
        """Those that are open, in words."""
        return tuple(gate.told for gate in self._kept if gate.is_open)

    def _open_of(self, registration: Registration) -> list[Gate]:
        both = registration.breaker, self._limits.get(registration.name)
        return [gate for gate in both if gate is not None and gate.is_open]

    def kept_by(self, delivery: Delivery) -> Gate | None:
        """Return what keeps the handler of a delivery from being called, if something does."""
        return next(iter(self._open_of(delivery.route.registration)), None)

    def limited_until(self, registration: Registration) -> float | None:
        """Return when a handler has its next probe that gave up too many events, or None."""
        limit = self._limits.get(registration.name)
        return limit.until if limit is not None and limit.is_open else None

    def admit(self, source: DeliverySource, ready: list[Lane], jobs: list[Job]) -> list[Lane]:
        """Return the lanes whose handlers may be called; others are kept.

        A probe is a job by itself, of one event, and goes to ``jobs``.
        """
        admitted: list[Lane] = []
        for lane in ready:
            gates = self._open_of(lane.waiting[0].route.registration)
            if not gates:
                admitted.append(lane)
                continue
            is_candidate = any(lane is self._kept[gate].candidate for gate in gates)
            if is_candidate and self._take_probe(gates):
                for gate in gates:
                    self._kept[gate].probe = (source, lane)
                jobs.append(Job(source, lane, source.lanes.take(lane, 1)))
            else:
                last = max(gates, key=lambda gate: gate.until)
                self._kept[last].lanes.append((source, lane))
        return admitted

    def _take_probe(self, gates: list[Gate]) -> bool:
        """Count an event as the probe of all these, or of none."""
        now = self._clock()
        if not all(gate.may_probe(now) for gate in gates):
            return False
        for index, gate in enumerate(gates):
            if not gate.take_probe(now):
                # Another thread closed it meanwhile, or was first.
                for taken in gates[:index]:
                    taken.came(Outcome(0, 0), now, is_probe=True)
                return False
        return True

    def came_back(self, items: Iterable[object]) -> None:
        """Learn what came of the jobs among these, before they are settled."""
        for item in items:
            # As it is most of the time: all returned, and there is nothing to be learned.
            if type(item) is Job and (self._watches or item.failures is not None):
                self._came_back(item)

    def _came_back(self, job: Job) -> None:
        if job.abandoned:
            return
        # One for all of a job: see ``take_chunks``.
        breaker = job.deliveries[0].route.registration.breaker
        if breaker is not None:
            self._learn(breaker, job, calls_of(job, breaker.slow_s))
        if self._limits:
            for name, outcome in given_up_of(job, breaker, self._limits, self._uncounted).items():
                self._learn(self._limits[name], job, outcome)
        self._note_state()

    def _learn(self, gate: Gate, job: Job, outcome: Outcome) -> None:
        kept = self._kept[gate]
        is_probe = kept.probe is not None and kept.probe[1] is job.lane
        if is_probe:
            kept.probe = None
        if gate.came(outcome, self._clock(), is_probe=is_probe):
            log_change(gate)
        if gate.is_open is not kept.was_open:
            self._changed(gate, kept)

    def _note_state(self) -> None:
        kept = self._kept
        self.keeps = any(it.was_open or it.lanes for it in kept.values())
        self._watches = self.keeps or any(
            gate.is_open or not gate.circuit.calm or gate.slow_s is not None for gate in kept
        )

    def look(self, now: float) -> None:
        """See what others have learned of a breaker, and whose turn it is to be the probe."""
        if not (self._watches or self._breakers):
            return
        for gate, kept in self._kept.items():
            if gate.is_open is not kept.was_open:
                self._changed(gate, kept)
            elif kept.lanes and not gate.is_open:
                _let_go(kept)  # Another opened it after the last look, and closed it before this.
            if kept.probe is not None and not kept.probe[0].alive:
                self._no_probe(gate, kept)
            kept.candidate = None
            if kept.lanes and gate.may_probe(now):
                _choose(kept)
        self._note_state()

    def end(self) -> None:
        """Nothing is called any more: a probe that did not come back is nobody's."""
        for gate, kept in self._kept.items():
            if kept.probe is not None:
                self._no_probe(gate, kept)

    def drop(self) -> list[tuple[Delivery, float, Lane | None]]:
        """Forget what is kept; returns the first of each lane, and until when it surely was."""
        dropped: list[tuple[Delivery, float, Lane | None]] = [
            (source.lanes.take(lane, 1)[0], until, lane)
            for until, source, lane in tuple(self._lanes)
        ]
        for kept in self._kept.values():
            kept.lanes.clear()
        return dropped

    def _no_probe(self, gate: Gate, kept: _Kept) -> None:
        kept.probe = None
        gate.came(Outcome(0, 0), self._clock(), is_probe=True)

    def _changed(self, gate: Gate, kept: _Kept) -> None:
        kept.was_open = gate.is_open
        if kept.was_open:
            for job in self._at_work():
                if any(gate in self._open_of(it.route.registration) for it in job.deliveries):
                    job.recall()
        else:
            _let_go(kept)
        self._observer.saw(change_of(gate))


def _let_go(kept: _Kept) -> None:
    while kept.lanes:
        source, lane = kept.lanes.popleft()
        source.lanes.release(lane)


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
