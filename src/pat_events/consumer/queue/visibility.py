"""Until when messages are kept from others, and which are to be kept longer now: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.transports.queue import QueueMessage

# After so much of its visibility a message is kept longer: the rest is for a call that fails.
_EXTEND_AFTER: Final = 0.5
# When to ask again after a call that failed, in seconds; and after one without an answer, as a part
# of the visibility: one connection that hangs must not cost a message.
_AGAIN_S: Final = 1.0
_UNANSWERED_AFTER: Final = 0.125
_NEVER: Final = float("inf")


class Visibility:
    """Until when each message is kept; times by the monotonic clock, in seconds.

    Args:
        visibility_s: How long a message is kept at a time.
        max_visibility_s: How long it can be kept in all.
    """

    def __init__(self, visibility_s: int, max_visibility_s: int) -> None:
        self._visibility_s = visibility_s
        self._max_visibility_s = max_visibility_s
        # Until when it is kept, and until when it can be.
        self._until: dict[QueueMessage, tuple[float, float]] = {}
        # When to extend it, soonest first: as each wait is the same, in the order of asking.
        self._next: dict[QueueMessage, float] = {}
        self._again: dict[QueueMessage, float] = {}
        self._unanswered: dict[QueueMessage, float] = {}
        # None is over before this.
        self._none_before = _NEVER

    def received(self, messages: Iterable[QueueMessage], at: float) -> None:
        """These were received, or once more: kept from then on."""
        for message in messages:
            self._keep(message, at + self._visibility_s, at + self._max_visibility_s, at)

    def extended(self, messages: Iterable[QueueMessage], visibility_s: int, at: float) -> None:
        """These are kept for so long from then on, which is when it was asked.

        It may have been asked again since, and be known already to be kept longer, or no more.
        """
        for message in messages:
            until, at_most = self._until.get(message, (0.0, 0.0))
            if until < at + visibility_s <= at_most:
                self._keep(message, at + visibility_s, at_most, at)

    def _keep(self, message: QueueMessage, until: float, at_most: float, now: float) -> None:
        self.ended(message)
        self._until[message] = (until, at_most)
        self._none_before = min(self._none_before, until)
        self._next[message] = now + self._visibility_s * _EXTEND_AFTER

    def not_extended(self, messages: Iterable[QueueMessage], now: float) -> None:
        """These were not: they are due again soon."""
        for message in messages:
            if message in self._until:
                for waiting in (self._unanswered, self._again):
                    waiting.pop(message, None)
                self._again[message] = now + _AGAIN_S

    def gone(self, message: QueueMessage) -> None:
        """This one is not kept any more."""
        if message in self._until:
            self._until[message] = (0.0, 0.0)
            self._none_before = 0.0

    def ended(self, message: QueueMessage) -> None:
        """Nothing more is to be done for this one."""
        self._until.pop(message, None)
        self._next.pop(message, None)
        self._again.pop(message, None)
        self._unanswered.pop(message, None)

    def take_due(self, now: float) -> dict[int, list[QueueMessage]]:
        """Return what is to be kept longer now, by for how long.

        What cannot be kept any longer is left to its end.
        """
        due: dict[int, list[QueueMessage]] = {}
        again_at = now + self._visibility_s * _UNANSWERED_AFTER
        for waiting in (self._again, self._unanswered, self._next):
            while waiting and next(iter(waiting.values())) <= now:
                message = next(iter(waiting))
                del waiting[message]
                visibility_s = min(self._visibility_s, int(self._until[message][1] - now))
                if now + visibility_s > self._until[message][0]:
                    due.setdefault(visibility_s, []).append(message)
                    self._unanswered[message] = again_at
        return due

    @property
    def next_due(self) -> float:
        """When ``take_due`` may have something; infinite where nothing is kept."""
        waiting = (self._again, self._unanswered, self._next)
        return min(next(iter(each.values()), _NEVER) for each in waiting)

    def any_over(self, now: float) -> bool:
        """Tell whether a message is kept no more."""
        if now < self._none_before:
            return False
        self._none_before = min((until for until, _ in self._until.values()), default=_NEVER)
        return now >= self._none_before

    def kept_until(self, message: QueueMessage) -> float:
        """Return until when nobody else has this message."""
        return self._until[message][0]

    def is_over(self, message: QueueMessage, now: float) -> bool:
        """Tell whether this message is kept no more: somebody else may have it."""
        return self._until[message][0] <= now
