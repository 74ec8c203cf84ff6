"""How much is received: what there is room for, by as many calls at a time as it takes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pat_events.consumer.queue.requests import Receive
from pat_events.core.recovery.pause import Pause
from pat_events.core.recovery.verdict import hold_s
from pat_events.core.repeats import Repeats, more_like_it
from pat_events.core.shown import one_line
from pat_events.errors import ClosedError

if TYPE_CHECKING:
    from pat_events.consumer.queue.limits import Limits
    from pat_events.consumer.queue.requests import Requests
    from pat_events.consumer.queue.state import QueueState

_log = logging.getLogger("pat_events.consumer")

#: Longest wait of a call for the first message, in seconds. A stop waits for its end: what comes
#: to a call that nobody waits for is kept from everybody until its visibility is over.
RECEIVE_S: Final = 5.0
# How much longer than that a stop waits for such a call, which may hang.
_GRACE_S: Final = 1.0
#: Most calls at a time.
MAX_CALLS: Final = 8


class Intake:
    """Asks for messages while there is room.

    A call that came back full is reason for one more at a time, one that did not for one less.
    """

    def __init__(
        self, state: QueueState, requests: Requests, limits: Limits, max_batch: int
    ) -> None:
        self._state = state
        self._requests = requests
        self._limits = limits
        self._max_batch = max_batch
        self._repeats = Repeats()
        self._wanted = 1
        self._asked = 0
        #: What keeps messages from coming, in words; empty where nothing does.
        self.not_ready = "it has not reached its queue yet"
        self._pause = Pause()
        #: Calls under way.
        self.calls = 0

    def ask(self, now: float) -> None:
        """Ask for what there is room for."""
        while self.calls < self._wanted and now >= self._pause.until:
            count = min(self._max_batch, self._room)
            if count < 1:
                return
            self.calls += 1
            self._asked += count
            self._requests.submit(Receive(count, RECEIVE_S, self._limits.visibility_s, now))

    @property
    def _room(self) -> int:
        if self._state.value_bytes >= self._limits.max_in_flight_bytes:
            return 0
        return self._limits.max_in_flight - len(self._state.taken) - self._asked

    def is_over(self, stopped_at: float, now: float) -> bool:
        """Tell whether no call is under way that a stop waits for."""
        return not self.calls or now >= stopped_at + RECEIVE_S + _GRACE_S

    def answered(self, answer: Receive, now: float) -> None:
        """Learn from an answer."""
        self.calls -= 1
        self._asked -= answer.count
        if answer.error is None:
            self.not_ready = ""
            self._pause.answered()
            is_full = len(answer.messages) == answer.count
            self._wanted = min(MAX_CALLS, max(1, self._wanted + (1 if is_full else -1)))
            return
        if isinstance(answer.error, ClosedError):
            return  # It stops.
        self._wanted = 1
        self.not_ready = f"receiving fails: {one_line(str(answer.error))}"
        self._pause.failed(answer.asked_at, now, hold_s)
        more = self._repeats.note(type(answer.error).__name__, now)
        if more is not None:
            told = one_line(str(answer.error))
            _log.warning("receiving goes on after: %s%s", told, more_like_it(more))
