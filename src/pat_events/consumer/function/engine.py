"""One invocation: hand out, settle, try again, until all is done or the time is over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from pat_events.consumer.chunks import take_jobs
from pat_events.consumer.ended_jobs import ended_jobs
from pat_events.consumer.function.part import Part
from pat_events.consumer.routes import Route, unhandled
from pat_events.consumer.workers.deadlines import give_up_overdue
from pat_events.core.shown import one_line
from pat_events.errors import HoldError, WorkersExhaustedError
from pat_events.telemetry.observer import Delivered, Handled, InvocationEnded, JobsEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pat_events.consumer.function.part import GivenUp
    from pat_events.consumer.job import Job
    from pat_events.consumer.recovery.recovery import Recovery
    from pat_events.consumer.routes import Routes
    from pat_events.consumer.workers.inbox import Inbox
    from pat_events.consumer.workers.pool import WorkerPool
    from pat_events.core.record import Delivery, Position
    from pat_events.telemetry.observer import Happening
    from pat_events.telemetry.observers import Observers
    from pat_events.transports.aws.invocations import Invocation

_log = logging.getLogger("pat_events.consumer")

# Most deliveries of a lane for a worker at a time.
_CHUNK: Final = 500
# As in the engines of the other consumers, in seconds.
_WAIT_S: Final = 0.05
_BUSY_S: Final = 0.002


class Errors:
    """The observer that keeps why each delivery failed last."""

    def __init__(self) -> None:
        self.by_position: dict[Position, BaseException] = {}

    def saw(self, what: Happening) -> None:
        """Keep the error of a failure."""
        error = getattr(what, "error", None)
        position = getattr(what, "position", None)
        if error is not None and position is not None:
            self.by_position[position] = error


class Engine:
    """Takes what one invocation hands over through the handlers.

    Args:
        invocation: What is to be handled.
        routes: From a delivery to its handler.
        workers: Where handlers run.
        inbox: Where they leave what is settled.
        recovery: What becomes of what failed.
        errors: Is told why each delivery failed.
        given_up: Is left with what is given up.
        observer: Is told what happens.
        deadline: When to end, by ``clock``.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self,
        invocation: Invocation,
        *,
        routes: Routes,
        workers: WorkerPool,
        inbox: Inbox,
        recovery: Recovery,
        errors: Errors,
        given_up: GivenUp,
        observer: Observers,
        deadline: float,
        clock: Callable[[], float],
    ) -> None:
        self._invocation = invocation
        self._routes = routes
        self._workers = workers
        self._inbox = inbox
        self._deadline = deadline
        self._clock = clock
        self._errors = errors
        self._observer = observer
        self._given_up = given_up
        self._running: set[Job] = set()
        self._parts = [Part(each, invocation.order) for each in invocation.parts]
        self._recovery = recovery

    def run(self) -> bool:
        """Handle what can be handled in time; tells whether these workers are of no more use."""
        for part in self._parts:
            self._accept(part)
        exhausted = False
        try:
            while self._step():
                pass
        except WorkersExhaustedError as error:
            _log.error("%s", one_line(str(error)))
            exhausted = True
        cut_off = exhausted or self._is_busy
        for job in self._running:
            job.abandoned = True
        for part in self._parts:
            part.end()
        self._recovery.sum_up(all_of_it=True)
        return cut_off

    def ended(self) -> None:
        """Tell observers that nothing more of this invocation comes."""
        self._observer.saw(InvocationEnded())

    @property
    def unfinished(self) -> list[Delivery]:
        """What was not handled."""
        return [delivery for part in self._parts for delivery in part.unfinished]

    @property
    def _is_busy(self) -> bool:
        return any(part.running for part in self._parts)

    def error_of(self, delivery: Delivery) -> BaseException | None:
        """Return why this failed last; None where it was not begun, or not ended."""
        error = self._errors.by_position.get(delivery.position)
        if error is None and delivery.route is not None:
            gate = self._recovery.gates.kept_by(delivery)
            return None if gate is None else HoldError(gate.told)
        return error

    def _step(self) -> bool:
        """Do what is due, then wait a little; tells whether there is more to do in time."""
        now = self._clock()
        if now >= self._deadline:
            return False
        give_up_overdue(self._workers, now)
        self._recovery.run_due(now)
        self._hand_out()
        due = self._recovery.next_due
        if not self._is_busy and (
            due is None
            or due >= self._deadline
            # Time costs here: what no wait helps comes again by its source.
            or self._recovery.in_vain_until(now)
        ):
            return False
        wait_s = min(_BUSY_S if self._workers.wake_idle() else _WAIT_S, self._deadline - now)
        if due is not None:
            wait_s = min(wait_s, max(0.0, due - now))
        self._settle(self._inbox.take(wait_s))
        return True

    def _accept(self, part: Part) -> None:
        """Find the handlers; what is behind one that is refused is not begun."""
        deliveries = list(part.unfinished)
        skipped: list[Delivery] = []
        refused = set[bytes | None]()
        order = self._invocation.order
        for delivery in deliveries:
            key = delivery.key if order == "key" else None
            if key in refused:
                continue
            route = self._routes.find(delivery)
            if isinstance(route, Route):
                delivery.route = route
                part.lanes.add(delivery)
            elif route is None and self._invocation.shared:
                skipped.append(delivery)
            else:
                self._recovery.refuse(part, delivery, route or unhandled(delivery))
                if order != "none":
                    refused.add(key)
        part.finished(skipped)
        if deliveries:
            first = deliveries[0]
            count = len(deliveries) - len(skipped)
            self._observer.saw(Delivered(first.topic, first.partition, count, len(skipped)))

    def _hand_out(self) -> None:
        jobs: list[Job] = []
        batches, gates = self._routes.has_batches, self._recovery.gates
        for part in self._parts:
            ready = self._given_up.without(part.lanes.take_ready())
            jobs += take_jobs(part, ready, None, _CHUNK, batches=batches, gates=gates)
        for job in jobs:
            job.source.running += 1
        if jobs:
            self._running.update(jobs)
            self._workers.submit(jobs)

    def _settle(self, items: Sequence[Any]) -> None:
        self._recovery.came_back(items)
        for job in items:
            if job.abandoned:
                continue  # What is left of it comes by itself.
            job.source.running -= 1
            self._running.discard(job)
            if self._observer.wants_jobs:
                self._observer.saw(JobsEnded(ended_jobs(job)))
            if job.failures is not None or job.done != len(job.deliveries):
                self._recovery.settle(job)
                continue
            job.source.finished(job.deliveries)
            self._observer.saw(Handled(job.done))
            for lane, _, _ in job.by_lane():
                job.source.lanes.release(lane)
