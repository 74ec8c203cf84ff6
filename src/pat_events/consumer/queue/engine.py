"""The engine of a queue's consumer: receive, hand out, settle, delete.

One thread owns an engine and makes every call. Clock, whoever asks the queue, workers and
recovery are handed in, so that it also runs under a simulated clock.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from pat_events.consumer.chunks import take_jobs
from pat_events.consumer.ended_jobs import ended_jobs
from pat_events.consumer.queue.intake import Intake
from pat_events.consumer.queue.readiness import Readiness
from pat_events.consumer.queue.requests import Change, Receive
from pat_events.consumer.queue.upkeep import Upkeep
from pat_events.consumer.queue.visibility import Visibility
from pat_events.consumer.recovery.dead_letters import OutgoingDeadLetter
from pat_events.consumer.routes import Route, unhandled
from pat_events.consumer.workers.deadlines import give_up_overdue
from pat_events.core.shown import one_line
from pat_events.errors import HoldError
from pat_events.telemetry.observer import Delivered, Handled, JobsEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pat_events.consumer.job import Job
    from pat_events.consumer.queue.limits import Limits
    from pat_events.consumer.queue.requests import Requests
    from pat_events.consumer.queue.state import QueueState
    from pat_events.consumer.recovery.recovery import Recovery
    from pat_events.consumer.routes import Routes
    from pat_events.consumer.workers.inbox import Inbox
    from pat_events.consumer.workers.pool import WorkerPool
    from pat_events.telemetry.observer import EndedJob
    from pat_events.telemetry.observers import Observers
    from pat_events.transports.queue import QueueFeatures, QueueMessage

_log = logging.getLogger("pat_events.consumer")

# Most deliveries of a lane for a worker at a time.
_CHUNK: Final = 500
# Longest wait for results, in seconds: bounds how late a stop or a due retry is seen.
_WAIT_S: Final = 0.1
# While jobs wait for a worker, wake another one this often, in seconds.
_BUSY_S: Final = 0.002
_WATCH_S: Final = 0.05
_SUM_UP_S: Final = 1.0
# How long the end waits for the queue beyond the drain time, in seconds.
_LAST_ANSWERS_S: Final = 1.0


class Engine:
    """Drives one consumer of a queue; see the module.

    Args:
        name: The queue.
        requests: Asks the queue; each answer comes through ``inbox``.
        features: What the queue can do.
        routes: From a delivery to its handler.
        workers: Where handlers run.
        inbox: Where all that is settled or answered comes from.
        state: What is here of the queue.
        recovery: What becomes of what failed.
        limits: As of ``QueueConsumer``.
        observer: Is told what happens.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        requests: Requests,
        features: QueueFeatures,
        routes: Routes,
        workers: WorkerPool,
        inbox: Inbox,
        state: QueueState,
        recovery: Recovery,
        limits: Limits,
        observer: Observers,
        clock: Callable[[], float],
    ) -> None:
        self._requests = requests
        self._routes = routes
        self._workers = workers
        self._inbox = inbox
        self._limits = limits
        self._observer = observer
        self._clock = clock
        self._state = state
        self._visibility = Visibility(limits.visibility_s, features.max_visibility_s)
        self._intake = Intake(state, requests, limits, features.max_batch)
        self._upkeep = Upkeep(state, self._visibility, requests, features, observer)
        self._next_watch = 0.0
        self._next_sum_up = 0.0
        self._abort = False
        self._recovery = recovery
        self.readiness = Readiness(name, state, self._intake, self._recovery, observer)

    def abort(self) -> None:
        """Do not wait for handlers any more; callable from any thread."""
        self._abort = True

    def step(self) -> None:
        """Do everything that is due, then wait for results, at most 0.1 s.

        Raises:
            WorkersExhaustedError: as many calls hang as there are workers.
            HoldError: nothing runs handlers any more; has to be started again.
        """
        now = self._clock()
        self._look_after(now)
        self._settle(self._inbox.take(0))
        self._recovery.run_due(now)
        self._hand_out(now)
        self._upkeep.ask(now)
        self._intake.ask(now)
        self._settle(self._inbox.take(self._wait_s(now)))
        self._hand_out(self._clock())

    def _look_after(self, now: float) -> None:
        if now >= self._next_watch:
            self._next_watch = now + _WATCH_S
            give_up_overdue(self._workers, now)
        if now >= self._next_sum_up:
            self._next_sum_up = now + _SUM_UP_S
            self._recovery.sum_up()
        self.readiness.look_if_due(now)

    def _wait_s(self, now: float) -> float:
        if self._workers.wake_idle():
            return _BUSY_S
        retry_at = self._recovery.next_due
        due = self._upkeep.next_due if retry_at is None else min(self._upkeep.next_due, retry_at)
        return max(0.0, min(_WAIT_S, due - now))

    def _accept(self, answer: Receive) -> None:
        self._intake.answered(answer, self._clock())
        state, accepted = self._state, 0
        for message in answer.messages:
            known = state.taken.get(message.message_id)
            if known is not None:
                # It was kept for too short, or came twice: still ours, by another receipt.
                known.receipt, known.receive_count = message.receipt, message.receive_count
                self._visibility.received([known], answer.at)
                continue
            accepted += 1
            state.take(message)
            self._visibility.received([message], answer.at)
            self._route(message)
        if accepted:
            self._observer.saw(Delivered(message.topic, message.partition, accepted, 0))

    def _route(self, message: QueueMessage) -> None:
        route = self._routes.find(message)
        if isinstance(route, Route):
            message.route = route
            self._state.lanes.add(message)
            return
        if route is None:
            # A queue is one consumer's: whoever sent it there meant this one.
            route = unhandled(message)
        self._recovery.refuse(self._state, message, route)

    def _hand_out(self, now: float) -> None:
        state = self._state
        if state.draining:
            return
        lanes = state.lanes
        ready = state.cut(lanes.take_ready())
        if ready and self._visibility.any_over(now):
            ready = [lane for lane in ready if self._upkeep.drop_over(lane, now)]
        batches, gates = self._routes.has_batches, self._recovery.gates
        jobs = take_jobs(state, ready, None, _CHUNK, batches=batches, gates=gates)
        if jobs:
            state.handed_out(jobs)
            self._workers.submit(jobs)

    def _settle(self, items: Sequence[Any]) -> None:
        handled = 0
        told: list[EndedJob] = []
        state = self._state
        self._recovery.came_back(items)
        for item in items:
            if isinstance(item, Receive):
                self._accept(item)
                self.readiness.tell_duration(item, item.at)
            elif isinstance(item, Change):
                now = self._clock()
                self._upkeep.answered(item, now)
                self.readiness.tell_duration(item, now)
            elif isinstance(item, OutgoingDeadLetter):
                state.running -= 1
                self._recovery.settle_letter(item)
            elif not item.abandoned:  # Else it was settled when it was given up.
                state.running -= 1
                del state.at_work[item.lane]
                if self._observer.wants_jobs:
                    told += ended_jobs(item)
                handled += self._settle_job(item)
        if told:
            self._observer.saw(JobsEnded(told))
        if handled:
            self._observer.saw(Handled(handled))

    def _settle_job(self, job: Job) -> int:
        """Settle a job; returns how many were handled and not told yet."""
        if job.failures is not None or job.done != len(job.deliveries):
            self._recovery.settle(job)
            return 0
        job.source.finished(job.deliveries)
        for lane, _, _ in job.by_lane():
            job.source.lanes.release(lane)
        return job.done

    def close(self) -> int:
        """Give back what was not begun, let handlers finish, delete what is done.

        Returns how many messages were neither deleted nor given back: they come again when their
        visibility is over.
        """
        self._state.drain()
        self._upkeep.hurry()
        self._requests.stop_receiving()
        # Those at work may take all of the drain time.
        self._settle(self._workers.take_back())
        began = self._clock()
        deadline = began + self._limits.drain_timeout_s
        try:
            while not self._abort:
                now = self._clock()
                self._state.give_back_waiting(self._recovery.drop_waiting(), now)
                self._upkeep.ask(now)
                if (self._is_drained and self._intake.is_over(began, now)) or now >= deadline:
                    break
                wait_s = _BUSY_S if self._workers.wake_idle() else _WAIT_S
                self._settle(self._inbox.take(min(wait_s, deadline - now)))
                give_up_overdue(self._workers, now)
        except HoldError as error:
            # There is nothing left that runs handlers: what they have comes again.
            _log.error("%s", one_line(str(error)))
        finally:
            self._cut_off()
            self._recovery.sum_up(all_of_it=True)
        return len(self._state.taken)

    def _cut_off(self) -> None:
        """Give back what was never begun, whatever is still at work, and let the queue hear it."""
        now = self._clock()
        self._state.give_back_waiting(self._recovery.drop_waiting(), now)
        self._state.cut_off(now, self._visibility.kept_until)
        self._upkeep.ask(now)
        until = now + _LAST_ANSWERS_S
        while self._upkeep.calls and (now := self._clock()) < until:
            # What ends only now is cut off all the same.
            self._settle([it for it in self._inbox.take(until - now) if isinstance(it, Change)])

    @property
    def _is_drained(self) -> bool:
        return not self._state.running and self._upkeep.is_done
