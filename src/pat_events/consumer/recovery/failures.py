"""What happens after a handler failed: retries, dead letters, and the wait for both."""

from __future__ import annotations

import heapq
import itertools
import logging
from typing import TYPE_CHECKING, NamedTuple

from pat_events.consumer.recovery.failure_log import FailureLog
from pat_events.core.dead_letter import class_of, message_of
from pat_events.core.recovery.verdict import DeadLetter, Hold, decide
from pat_events.core.shown import one_line
from pat_events.errors import RecordTooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pat_events.consumer.job import Job
    from pat_events.consumer.log.partition import PartitionState
    from pat_events.consumer.recovery.dead_letters import DeadLetterWriter, OutgoingDeadLetter
    from pat_events.consumer.stats import GroupStats
    from pat_events.core.lanes import Lane
    from pat_events.core.record import Delivery
    from pat_events.core.recovery.retry import RetryPolicy


class Failures:
    """The failed deliveries of a group member; owned by the engine's thread."""

    def __init__(
        self,
        *,
        dead_letters: DeadLetterWriter,
        stats: GroupStats,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._dead_letters = dead_letters
        self._stats = stats
        self._clock = clock
        self._wall_clock = wall_clock
        self._random = random
        self._log = FailureLog(clock)
        self._due: list[_Waiting] = []
        self._tie = itertools.count()

    @property
    def next_due(self) -> float | None:
        """When something is to be tried again, by the monotonic clock in seconds."""
        return self._due[0][0] if self._due else None

    def run_due(self, now: float) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due).action()

    def sum_up(self, *, all_of_it: bool = False) -> None:
        """Log what was only counted; ``all_of_it`` at the end."""
        self._log.sum_up(all_of_it=all_of_it)

    def waiting(self) -> Iterator[tuple[float, PartitionState, int, bool]]:
        """Yield what waits: its next try, its partition and first offset, whether it is held."""
        for each in self._due:
            yield each.at, each.state, each.offset, each.held

    def refuse(self, state: PartitionState, delivery: Delivery, error: BaseException) -> None:
        """Write the dead letter of a delivery that no handler will see."""
        self._log.say(
            logging.ERROR,
            ("refused", type(error)),
            "refused %s: %s",
            delivery.position,
            one_line(message_of(error)),
        )
        self._write_dead_letter(state, delivery, error, None)

    def settle(self, job: Job) -> None:
        """Settle a job that was not handled whole: what is done, what failed, what never ran."""
        state = job.state
        failures = dict(job.failures or ())
        done = job.done  # Read once: a worker past its deadline may yet raise it.
        handled = [d for i, d in enumerate(job.deliveries[:done]) if i not in failures]
        for delivery in handled:
            state.tracker.finish(delivery.offset)
        if handled:
            state.finished_up_to = max(state.finished_up_to, handled[-1].offset)
        self._stats.handled += len(handled)
        self._stats.in_flight -= len(handled)
        first_not_run = max([done, *(index + 1 for index in failures)])
        state.lanes.put_back(job.lane, job.deliveries[first_not_run:])
        failed_lane = _FailedLane(self, state, job.lane)
        for index, error in failures.items():
            if error is job.raised:
                failed_lane.add_alone(job.deliveries[index], error)
            else:
                failed_lane.add(job.deliveries[index], error)
        failed_lane.go_on()

    def judge(
        self,
        state: PartitionState,
        delivery: Delivery,
        error: BaseException,
        failed_lane: _FailedLane,
    ) -> float | None:
        """Decide about a failed delivery.

        Returns when to try again, or None once its dead letter is on the way.
        """
        now = self._clock()
        self._note_first_failure(delivery)
        registration = delivery.route.registration
        verdict = decide(
            error,
            attempt=delivery.attempt,
            holds=delivery.holds,
            policy=registration.retry,
            now=now,
            random=self._random(),
        )
        if isinstance(verdict, DeadLetter):
            self._log.say(
                logging.ERROR,
                (registration.name, verdict.reason, type(error)),
                "%s gave up %s after attempt %d (%s): %s",
                registration.name,
                delivery.position,
                delivery.attempt,
                verdict.reason,
                _told(error),
            )
            self._write_dead_letter(state, delivery, error, failed_lane, verdict.reason)
            return None
        self._log.say(
            logging.WARNING,
            (registration.name, type(verdict), type(error)),
            "%s failed on %s, attempt %d, next in %.1f s: %s",
            registration.name,
            delivery.position,
            delivery.attempt,
            (verdict.until if isinstance(verdict, Hold) else verdict.at) - now,
            _told(error),
        )
        if isinstance(verdict, Hold):
            # Nothing the handler could have done better: not one of its attempts.
            delivery.holds += 1
            self._stats.held += 1
            failed_lane.held = True
            return verdict.until
        delivery.attempt += 1
        self._stats.retried += 1
        return verdict.at

    def alone(self, delivery: Delivery, error: BaseException) -> float:
        """Send an event of a failed batch round again by itself; returns when.

        Which event is to blame is unknown, so this counts as an attempt but decides nothing: a
        batch must not become dead letters for one of its events.
        """
        self._note_first_failure(delivery)
        policy: RetryPolicy = delivery.route.registration.retry
        wait_s = policy.delay_s(delivery.attempt, self._random(), error)
        delivery.attempt += 1
        self._stats.retried += 1
        return self._clock() + wait_s

    def _note_first_failure(self, delivery: Delivery) -> None:
        if not delivery.first_failed_ms:
            delivery.first_failed_ms = self._now_ms()

    def _now_ms(self) -> int:
        return int(self._wall_clock() * 1000)

    def later(
        self,
        at: float,
        action: Callable[[], None],
        state: PartitionState,
        offset: int,
        *,
        held: bool,
    ) -> None:
        """Do something at a time of the monotonic clock, about the delivery at ``offset``."""
        heapq.heappush(self._due, _Waiting(at, next(self._tie), action, state, offset, held))

    def _write_dead_letter(
        self,
        state: PartitionState,
        delivery: Delivery,
        error: BaseException,
        failed_lane: _FailedLane | None,
        reason: str | None = None,
    ) -> None:
        letter = self._dead_letters.make(state, delivery, error, reason, self._now_ms())
        letter.failed_lane = failed_lane
        state.running += 1
        self._dead_letters.send(letter)

    def settle_dead_letter(self, letter: OutgoingDeadLetter) -> None:
        """Settle a delivery whose dead letter was written, or hold it where it was not."""
        state = letter.state
        if letter.error is None:
            state.tracker.finish(letter.delivery.offset)
            state.finished_up_to = max(state.finished_up_to, letter.delivery.offset)
            self._stats.dead_lettered += 1
            self._stats.in_flight -= 1
            if letter.failed_lane is not None:
                letter.failed_lane.dead_letter_written()
            return
        too_large = letter.error if isinstance(letter.error, RecordTooLargeError) else None
        if too_large is not None and letter.has_value:
            self._send_without_value(letter, too_large)
            return
        self._stats.held += 1
        wait_s = self._dead_letters.hold_s(letter)
        self._log.say(
            logging.ERROR,
            ("letter held", letter.topic, type(letter.error)),
            "%s is held: its dead letter could not be written to %s (%s); next try in %.1f s%s",
            letter.delivery.position,
            letter.topic,
            one_line(message_of(letter.error)),
            wait_s,
            f"; raise max.message.bytes of {letter.topic}" if too_large else "",
        )
        again = self._dead_letters.again(letter)
        self.later(
            self._clock() + wait_s,
            lambda: self._send_again(again),
            state,
            letter.delivery.offset,
            held=True,
        )

    def _send_without_value(self, letter: OutgoingDeadLetter, error: RecordTooLargeError) -> None:
        """Send what can be sent of a dead letter that is too large.

        Held, it would stay held: unlike an outage nothing ends this. The next owner would meet
        it again, and one record would stop its partition.
        """
        delivery = letter.delivery
        self._log.say(
            logging.ERROR,
            ("letter too large", letter.topic),
            "the dead letter of %s is too large (%s): it is written without its value of %d bytes, "
            "which stays at that position as long as its topic keeps it; to have such letters "
            "whole, raise max.message.bytes of %s and this group's buffer_bytes",
            delivery.position,
            one_line(message_of(error)),
            len(delivery.value or b""),
            letter.topic,
        )
        smaller = self._dead_letters.without_value(letter)
        delivery.value = None
        letter.state.tracker.drop_value(delivery.offset)
        letter.state.running += 1
        self._dead_letters.send(smaller)

    def _send_again(self, letter: OutgoingDeadLetter) -> None:
        if letter.state.alive:
            letter.state.running += 1
            self._dead_letters.send(letter)


def _told(error: BaseException) -> str:
    return one_line(f"{class_of(error)}: {message_of(error)}")


class _Waiting(NamedTuple):
    at: float
    tie: int
    action: Callable[[], None]
    state: PartitionState
    offset: int
    held: bool


class _FailedLane:
    """The failed deliveries of one lane, which stays busy until each is settled."""

    __slots__ = ("_again_at", "_failures", "_lane", "_letters", "_retry", "_state", "held")

    def __init__(self, failures: Failures, state: PartitionState, lane: Lane) -> None:
        self._failures = failures
        self._state = state
        self._lane = lane
        self._retry: list[Delivery] = []
        self._again_at = 0.0
        self._letters = 0
        #: Whether one of them waits for something that is out of order.
        self.held = False

    def add(self, delivery: Delivery, error: BaseException) -> None:
        """Decide about one failed delivery."""
        again_at = self._failures.judge(self._state, delivery, error, self)
        if again_at is None:
            self._letters += 1
        else:
            self._retry.append(delivery)
            self._again_at = max(self._again_at, again_at)

    def add_alone(self, delivery: Delivery, error: BaseException) -> None:
        """Try an event of a failed batch by itself."""
        self._retry.append(delivery)
        self._again_at = max(self._again_at, self._failures.alone(delivery, error))

    def dead_letter_written(self) -> None:
        """One dead letter less to wait for."""
        self._letters -= 1
        if not self._retry:
            self.go_on()

    def go_on(self) -> None:
        """Free the lane if nothing holds it, or come back when its retry is due."""
        if self._retry:
            self._failures.later(
                self._again_at,
                self._retry_now,
                self._state,
                self._retry[0].offset,
                held=self.held,
            )
        elif not self._letters:
            self._state.lanes.release(self._lane)

    def _retry_now(self) -> None:
        if self._state.alive:
            self._state.lanes.put_back(self._lane, self._retry)
            self._retry = []
            self.go_on()
