"""What happens after a handler failed: verdicts are decided in ``core``, and applied here."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Protocol

from pat_events.consumer.job import Job
from pat_events.consumer.recovery.dead_letters import DeadLetterWriter
from pat_events.consumer.recovery.failed_lane import FailedLane
from pat_events.consumer.recovery.failure_log import FailureLog
from pat_events.consumer.recovery.sent_letters import SentLetters
from pat_events.consumer.recovery.waiting import Waiting
from pat_events.core.envelope import read_envelope
from pat_events.core.recovery.verdict import (
    DeadLetter,
    Hold,
    decide,
    decide_alone,
    reason_of,
)
from pat_events.errors import NoTransportError
from pat_events.telemetry.observer import Duplicates, GivenUp, Handled, Held, Retried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pat_events.consumer.job import DeliverySource
    from pat_events.consumer.recovery.dead_letters import OutgoingDeadLetter
    from pat_events.consumer.recovery.gates import Gates
    from pat_events.consumer.recovery.waiting import Wait
    from pat_events.core.lanes import Lane
    from pat_events.core.record import Delivery
    from pat_events.core.recovery.verdict import Verdict
    from pat_events.telemetry.observer import Observer


class OwnRedrive(Protocol):
    """Where deliveries came from, if what is given up is its own affair."""

    def leave(self, delivery: Delivery, wait_s: float, lane: Lane | None) -> None:
        """This is given up, and worth another look after ``wait_s``; ``lane`` waits for it."""


class Recovery:
    """The failed deliveries of a consumer; owned by the engine's thread.

    Nothing in here is called by what it applies to: what failed, what is due and which dead letters
    are settled is told by the engine.

    Args:
        dead_letters: Writes the dead letter of what is given up, or is left with it as it is.
        gates: Keep lanes.
        skips: Events that come twice are skipped.
        observer: Is told what happens.
        clock: Monotonic, in seconds.
        wall_clock: Seconds since 1970.
        random: Numbers in [0, 1) for jitter.
    """

    def __init__(
        self,
        *,
        dead_letters: DeadLetterWriter | OwnRedrive,
        gates: Gates,
        skips: bool = False,
        observer: Observer,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._dead_letters = dead_letters
        self._skips = skips
        self._observer = observer
        self._clock = clock
        self._wall_clock = wall_clock
        self._random = random
        self._log = FailureLog(clock)
        self._waiting = Waiting()
        self._sent = SentLetters(self._waiting, self._log, observer, clock)
        self.gates = gates

    @property
    def next_due(self) -> float | None:
        """When something is to be tried again, by the monotonic clock in seconds."""
        both = (self._waiting.next_due, self.gates.next_due)
        return min((due for due in both if due is not None), default=None)

    @property
    def waiting(self) -> Iterable[Wait]:
        """What is to be tried again."""
        return chain(self._waiting, self.gates.waiting)

    def in_vain_until(self, now: float) -> bool:
        """Tell whether no wait helps what is to be tried again.

        There is no transport for it, or its handler must not be called and no probe is due yet.
        """
        due = self.next_due
        return (due is not None and due > now) and all(
            isinstance(it.due, FailedLane)
            and (it.due.in_vain or self.gates.kept_by(it.due.retry[0]))
            for it in self._waiting.all
        )

    def sum_up(self, *, all_of_it: bool = False) -> None:
        """Log what was only counted; ``all_of_it`` at the end."""
        self._log.sum_up(all_of_it=all_of_it)
        if all_of_it:
            self.gates.end()

    def reading_failed(self, error: BaseException) -> None:
        """Log that nothing could be read; whoever reads tries again."""
        self._log.reading_failed(error)

    def run_due(self, now: float) -> None:
        """Do what is due."""
        self.gates.look(now)
        while (due := self._waiting.pop(now)) is not None:
            if not due.source.alive:
                continue  # Its deliveries are another consumer's by now.
            if isinstance(due, FailedLane):
                due.source.lanes.put_back(due.lane, due.retry)
                due.retry = []
                self._waiting.add_or_free(due)
            else:
                self._sent.send(due)

    def drop_waiting(self) -> list[tuple[Delivery, float, Lane | None]]:
        """Forget what is to be tried again; returns it with when it was due, and its busy lane."""
        dropped: list[tuple[Delivery, float, Lane | None]] = []
        for at, _, due in self._waiting.take_all():
            if isinstance(due, FailedLane):
                dropped += [(delivery, at, due.lane) for delivery in due.retry]
                due.retry = []
            else:
                lane = None if due.failed_lane is None else due.failed_lane.lane
                dropped.append((due.delivery, at, lane))
        return dropped + self.gates.drop()

    def came_back(self, items: Iterable[object]) -> None:
        """Learn what came of the jobs among these, before they are settled."""
        self.gates.came_back(items)
        if self._skips:
            jobs = (it for it in items if type(it) is Job and it.source.alive and not it.abandoned)
            skipped = sum(job.skipped for job in jobs)
            if skipped:
                self._observer.saw(Duplicates(skipped))

    def refuse(self, source: DeliverySource, delivery: Delivery, error: BaseException) -> None:
        """Write the dead letter of a delivery that no handler will see."""
        self._log.refused(delivery, error)
        trace = read_envelope(delivery).trace
        self._observer.saw(GivenUp(delivery.position, "", 0, reason_of(error), error, trace))
        self._give_up(source, delivery, error)

    def settle(self, job: Job) -> None:
        """Settle a job that was not handled whole: what is done, what failed, what never ran."""
        failures = dict(job.failures or ())
        done = job.done  # Read once: a worker past its deadline may yet raise it.
        first_not_run = max([done, *(index + 1 for index in failures)])
        for lane, begin, end in job.by_lane():
            handled = [job.deliveries[i] for i in range(begin, min(end, done)) if i not in failures]
            if handled:
                job.source.finished(handled)
                self._observer.saw(Handled(len(handled)))
            job.source.lanes.put_back(lane, job.deliveries[max(begin, first_not_run) : end])
            failed_lane = FailedLane(job.source, lane)
            for index in range(begin, end):
                if index in failures:
                    self._settle_failure(job, index, failures[index], failed_lane)
            self._waiting.add_or_free(failed_lane)

    def _settle_failure(
        self, job: Job, index: int, error: BaseException, failed_lane: FailedLane
    ) -> None:
        delivery = job.deliveries[index]
        now = self._clock()
        verdict = self._decide(delivery, error, now, with_its_batch=error is job.raised)
        self._apply(verdict, failed_lane, delivery, error, now)

    def _decide(
        self, delivery: Delivery, error: BaseException, now: float, *, with_its_batch: bool
    ) -> Verdict:
        random = self._random()
        registration = delivery.route.registration
        policy, breaker, attempt = registration.retry, registration.breaker, delivery.attempt
        until = breaker.until if breaker is not None and breaker.is_open else None
        limited_until = self.gates.limited_until(registration)
        if limited_until is None and with_its_batch:
            return decide_alone(
                error, attempt=attempt, policy=policy, now=now, random=random, open_until=until
            )
        verdict = decide(
            error,
            attempt=attempt,
            holds=delivery.holds,
            policy=policy,
            now=now,
            random=random,
            open_until=until,
            limited_until=limited_until,
        )
        self._log.failed(delivery, error, verdict, now)
        return verdict

    def _apply(
        self,
        verdict: Verdict,
        lane: FailedLane,
        delivery: Delivery,
        error: BaseException,
        now: float,
    ) -> None:
        saw = self._observer.saw
        position, attempt = delivery.position, delivery.attempt
        name = delivery.route.registration.name
        delivery.first_failed_ms = delivery.first_failed_ms or self._now_ms()
        if isinstance(verdict, DeadLetter):
            trace = read_envelope(delivery).trace
            saw(GivenUp(position, name, attempt, verdict.reason, error, trace))
            self._give_up(lane.source, delivery, error, reason=verdict.reason, failed_lane=lane)
        elif isinstance(verdict, Hold):
            # Nothing the handler could have done better: not one of its attempts.
            delivery.holds += 1
            saw(Held(position, name, error, verdict.until - now))
            lane.held = True
            lane.in_vain |= isinstance(error, NoTransportError)
            lane.try_again(delivery, verdict.until)
        else:
            delivery.attempt += 1
            saw(Retried(position, name, attempt, error, verdict.at - now))
            lane.try_again(delivery, verdict.at)

    def _give_up(
        self,
        source: DeliverySource,
        delivery: Delivery,
        error: BaseException,
        *,
        reason: str | None = None,
        failed_lane: FailedLane | None = None,
    ) -> None:
        letters = self._dead_letters
        if isinstance(letters, DeadLetterWriter):
            if failed_lane is not None:
                failed_lane.letters += 1
            make, now_ms = letters.make, self._now_ms()
            self._sent.send(
                make(source, delivery, error, now_ms=now_ms, reason=reason, failed_lane=failed_lane)
            )
            return
        wait_s, lane = 0.0, None
        if failed_lane is not None:
            lane = failed_lane.lane
            policy = delivery.route.registration.retry
            if policy.retries(error):
                wait_s = policy.delay_s(delivery.attempt, self._random(), error)
        letters.leave(delivery, wait_s, lane)

    def settle_letter(self, letter: OutgoingDeadLetter) -> None:
        """Settle a delivery whose dead letter was written, or was not."""
        self._sent.settle(letter)

    def _now_ms(self) -> int:
        return int(self._wall_clock() * 1000)
