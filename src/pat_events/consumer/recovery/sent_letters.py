"""What becomes of a delivery whose dead letter was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.core.recovery.verdict import Hold, decide_letter
from pat_events.telemetry.observer import DeadLettered, Held

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.consumer.recovery.dead_letters import OutgoingDeadLetter
    from pat_events.consumer.recovery.failure_log import FailureLog
    from pat_events.consumer.recovery.waiting import Waiting
    from pat_events.telemetry.observer import Observer


class SentLetters:
    """Dead letters on their way; owned by the engine's thread.

    Args:
        waiting: Takes those that were not written, and lanes that wait for more than a letter.
        log: Is told of those that were not written.
        observer: Is told what happens.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self, waiting: Waiting, log: FailureLog, observer: Observer, clock: Callable[[], float]
    ) -> None:
        self._waiting = waiting
        self._log = log
        self._observer = observer
        self._clock = clock

    def send(self, letter: OutgoingDeadLetter) -> None:
        """Send it; its source waits for what becomes of it."""
        letter.source.running += 1
        letter.writer.send(letter)

    def settle(self, letter: OutgoingDeadLetter) -> None:
        """Settle a delivery whose dead letter was written, or do what becomes of one that was not.

        Its failure is none of a handler's attempts, and never skips an event.
        """
        error = letter.error
        if error is None:
            self._written(letter)
            return
        now = self._clock()
        verdict = decide_letter(error, tries=letter.tries, has_value=letter.has_value, now=now)
        if isinstance(verdict, Hold):
            wait_s = verdict.until - now
            self._log.letter_held(letter, error, wait_s)
            self._observer.saw(Held(letter.delivery.position, "", error, wait_s))
            self._waiting.add(verdict.until, letter.writer.again(letter))
        else:
            self._log.letter_too_large(letter, error)
            smaller = letter.writer.without_value(letter)
            letter.delivery.value = None
            letter.source.dropped_value(letter.delivery)
            self.send(smaller)

    def _written(self, letter: OutgoingDeadLetter) -> None:
        letter.source.finished([letter.delivery])
        cause = letter.cause
        self._observer.saw(
            DeadLettered(letter.delivery.position, letter.topic, cause.handler, cause.reason)
        )
        failed_lane = letter.failed_lane
        if failed_lane is not None:
            failed_lane.letters -= 1
            if not failed_lane.retry:  # Else it waits for that, and is looked at then.
                self._waiting.add_or_free(failed_lane)
