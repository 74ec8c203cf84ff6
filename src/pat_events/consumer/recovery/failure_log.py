"""What a group says of failures: each kind once, and then how many more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pat_events.core.dead_letter import class_of, message_of
from pat_events.core.log_fields import log_fields
from pat_events.core.recovery.verdict import DeadLetter, Hold
from pat_events.core.repeats import Repeats, more_like_it
from pat_events.core.shown import one_line
from pat_events.errors import RecordTooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from pat_events.consumer.recovery.dead_letters import OutgoingDeadLetter
    from pat_events.core.log_fields import LogFields
    from pat_events.core.record import Delivery
    from pat_events.core.recovery.verdict import Verdict

_log = logging.getLogger("pat_events.consumer")


class FailureLog:
    """Logs the first failure of a kind, and sums up the others twice a minute.

    An outage fails every event: a line for each would be megabytes that say one thing, and each
    event is in ``ConsumerStats`` or its dead letter anyway. The others are lines of level DEBUG.
    All have the fields of their event; of those that are summed up the last one's.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._repeats = Repeats()
        self._last: dict[Hashable, tuple[int, str, tuple[object, ...], LogFields]] = {}

    def refused(self, delivery: Delivery, error: BaseException) -> None:
        """No handler will see this delivery."""
        self._say(
            logging.ERROR,
            ("refused", type(error)),
            log_fields(delivery),
            "refused %s: %s",
            delivery.position,
            one_line(message_of(error)),
        )

    def failed(
        self, delivery: Delivery, error: BaseException, verdict: Verdict, now: float
    ) -> None:
        """A handler failed on this delivery, and this becomes of it."""
        name = delivery.route.registration.name
        told = one_line(f"{class_of(error)}: {message_of(error)}")
        if isinstance(verdict, DeadLetter):
            self._say(
                logging.ERROR,
                (name, verdict.reason, type(error)),
                log_fields(delivery, name),
                "%s gave up %s after attempt %d (%s): %s",
                name,
                delivery.position,
                delivery.attempt,
                verdict.reason,
                told,
            )
            return
        exhausted = isinstance(verdict, Hold) and verdict.exhausted
        self._say(
            logging.WARNING,
            (name, type(verdict), exhausted, type(error)),
            log_fields(delivery, name),
            "%s failed on %s, attempt %d, %snext in %.1f s: %s",
            name,
            delivery.position,
            delivery.attempt,
            "held: its attempts are used up (on_exhausted), " if exhausted else "",
            (verdict.until if isinstance(verdict, Hold) else verdict.at) - now,
            told,
        )

    def letter_held(self, letter: OutgoingDeadLetter, error: BaseException, wait_s: float) -> None:
        """A dead letter could not be written, and is sent again after so many seconds."""
        too_large = isinstance(error, RecordTooLargeError)
        self._say(
            logging.ERROR,
            ("letter held", letter.topic, type(error)),
            log_fields(letter.delivery, letter.cause.handler),
            "%s is held: its dead letter could not be written to %s (%s); next try in %.1f s%s",
            letter.delivery.position,
            letter.topic,
            one_line(message_of(error)),
            wait_s,
            f"; raise max.message.bytes of {letter.topic}" if too_large else "",
        )

    def letter_too_large(self, letter: OutgoingDeadLetter, error: BaseException) -> None:
        """A dead letter is written without its value."""
        self._say(
            logging.ERROR,
            ("letter too large", letter.topic),
            log_fields(letter.delivery, letter.cause.handler),
            "the dead letter of %s is too large (%s): it is written without its value of %d bytes, "
            "which stays at that position as long as its topic keeps it; to have such letters "
            "whole, raise max.message.bytes of %s and this group's buffer_bytes",
            letter.delivery.position,
            one_line(message_of(error)),
            len(letter.delivery.value or b""),
            letter.topic,
        )

    def reading_failed(self, error: BaseException) -> None:
        """Nothing could be read; that is tried again."""
        told = one_line(str(error))
        self._say(logging.WARNING, ("reading", type(error)), {}, "reading goes on after: %s", told)

    def sum_up(self, *, all_of_it: bool = False) -> None:
        """Log what was counted where the time for it has come."""
        for kind, count in self._repeats.sum_up(self._clock(), all_of_it=all_of_it):
            level, text, args, fields = self._last.pop(kind)
            _log.log(level, f"{count} more like before, the last: {text}", *args, extra=fields)

    def _say(self, level: int, kind: Hashable, fields: LogFields, text: str, *args: object) -> None:
        """Log this, or count it where its kind was logged already."""
        more = self._repeats.note(kind, self._clock())
        if more is None:
            self._last[kind] = (level, text, args, fields)
            _log.debug(text, *args, extra=fields)
            return
        self._last.pop(kind, None)
        _log.log(level, f"{text}{more_like_it(more)}", *args, extra=fields)
