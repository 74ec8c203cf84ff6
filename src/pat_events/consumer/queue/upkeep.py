"""Messages are deleted, kept and given back: what is asked of the queue for them, in batches."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final, cast

from pat_events.consumer.queue.requests import Change
from pat_events.consumer.queue.returns import Returns
from pat_events.core.recovery.pause import Pause
from pat_events.core.recovery.verdict import hold_s
from pat_events.core.repeats import Repeats, more_like_it
from pat_events.core.shown import one_line
from pat_events.errors import TransportTimeoutError
from pat_events.telemetry.clients import QueueChanged
from pat_events.telemetry.observer import GivenBack

if TYPE_CHECKING:
    from pat_events.consumer.queue.requests import Kind, Requests
    from pat_events.consumer.queue.state import QueueState
    from pat_events.consumer.queue.visibility import Visibility
    from pat_events.core.lanes import Lane
    from pat_events.errors import PatEventsError
    from pat_events.telemetry.observer import Observer
    from pat_events.transports.queue import QueueFeatures, QueueMessage

_log = logging.getLogger("pat_events.consumer")

# How long what is done waits for company, in seconds: a call costs the same for one as for ten.
# Of a FIFO queue what is behind it in its group does not come before it is deleted.
_DELETE_AFTER_S: Final = 0.2
_DELETE_AFTER_FIFO_S: Final = 0.01
# Longest wait after a delete that failed once the consumer stops, in seconds.
_HURRIED_S: Final = 1.0
_NEVER: Final = float("inf")
_THEN: Final[dict[Kind, str]] = {
    "delete": "it is repeated; they may come again meanwhile",
    "extend": "it is repeated; what is kept no more is not begun",
    "give back": "it is repeated, twice at most; or they come when their visibility is over",
}


class Upkeep:
    """Tells the queue what becomes of messages; owned by the engine's thread."""

    def __init__(
        self,
        state: QueueState,
        visibility: Visibility,
        requests: Requests,
        features: QueueFeatures,
        observer: Observer,
    ) -> None:
        self._state = state
        self._visibility = visibility
        self._requests = requests
        self._features = features
        self._observer = observer
        self._repeats = Repeats()
        self._delete_after_s = _DELETE_AFTER_FIFO_S if features.fifo else _DELETE_AFTER_S
        self._delete_at = _NEVER
        # Of calls that failed, which keep all others back; and of single messages in those that did
        # not, which wait by themselves.
        self._deletes = Pause()
        self._parts = Pause()
        self._undeleted: list[QueueMessage] = []
        self._hurries = False
        self._returns = Returns()
        #: Requests under way that matter to what comes again.
        self.calls = 0

    def hurry(self) -> None:
        """It is soon over: what is done does not wait for company, nor long after a failure."""
        self._hurries = True
        self._deletes, self._parts = Pause(), Pause()

    def ask(self, now: float) -> None:
        """Ask for all that is due."""
        self._give_back(now)
        for visibility_s, messages in self._visibility.take_due(now).items():
            for batch in self._batches(messages):
                self._requests.submit(Change("extend", batch, now, visibility_s))
        self._delete(now)

    def _give_back(self, now: float) -> None:
        waiting, self._state.to_give_back = self._state.to_give_back, []
        by_wait: dict[int, list[QueueMessage]] = {}
        for message, wait_s in waiting:
            wait = min(math.ceil(wait_s), self._features.max_visibility_s)
            self._returns.asked(message, now + wait, self._visibility.kept_until(message))
            self.forget(message)
            by_wait.setdefault(wait, []).append(message)
        for wait, messages in self._returns.take_due(now).items():
            by_wait.setdefault(wait, []).extend(messages)
        for wait, messages in by_wait.items():
            for batch in self._batches(messages):
                self._submit(Change("give back", batch, now, wait))
        if waiting:
            self._observer.saw(GivenBack(len(waiting)))

    def _delete(self, now: float) -> None:
        done = self._state.to_delete
        if self._undeleted and now >= self._parts.until:
            done[:0], self._undeleted = self._undeleted, []
            self._delete_at = now
        if not done:
            return
        if self._delete_at == _NEVER:
            self._delete_at = now + self._delete_after_s
        is_full = len(done) >= self._features.max_batch
        is_due = is_full or self._hurries or now >= self._delete_at
        if not is_due or now < self._deletes.until:
            return
        self._delete_at = _NEVER
        self._state.to_delete = []
        for batch in self._batches(done):
            self._submit(Change("delete", batch, now))

    def _submit(self, change: Change) -> None:
        self.calls += 1
        self._requests.submit(change)

    def _batches(self, messages: list[QueueMessage]) -> list[list[QueueMessage]]:
        size = self._features.max_batch
        return [messages[begin : begin + size] for begin in range(0, len(messages), size)]

    @property
    def next_due(self) -> float:
        """When ``ask`` has something to do, by the monotonic clock in seconds."""
        delete_at = max(self._delete_at, self._deletes.until)
        undeleted_at = self._parts.until if self._undeleted else _NEVER
        return min(delete_at, undeleted_at, self._returns.next_due, self._visibility.next_due)

    @property
    def is_done(self) -> bool:
        """Whether the queue knows of everything that was deleted or given back."""
        state = self._state
        is_asked = self.calls or self._undeleted or self._returns.waiting
        return not (is_asked or state.to_delete or state.to_give_back)

    def answered(self, change: Change, now: float) -> None:
        """Do what an answer says."""
        undone = {each.receipt: each for each in change.undone}
        done, failed, gone = [], [], []
        for receipt, message in change.messages.items():
            if change.error is None and receipt not in undone:
                done.append(message)
            # One that came again meanwhile has another receipt: that one is good.
            elif receipt in undone and undone[receipt].gone and message.receipt == receipt:
                gone.append(message)
            else:
                failed.append(message)
        if error := change.error or next((each.error for each in change.undone), None):
            self._say(change, error, len(change.messages) - len(done), now)
        self._observer.saw(QueueChanged(change.kind, len(done) + len(gone), len(failed), error))
        if change.kind == "extend":
            self._visibility.extended(done, change.visibility_s, change.at)
            self._visibility.not_extended(failed, now)
            for message in gone:
                self._visibility.gone(message)
            return
        self.calls -= 1
        if change.kind == "delete":
            for message in (*done, *gone):
                self.forget(message)
            self._delete_again(change, failed, now)
        else:
            for message in (*done, *gone):
                self._returns.over(message)
            self._give_back_again(change, failed, now)

    def _give_back_again(self, change: Change, failed: list[QueueMessage], now: float) -> None:
        # Where nobody answered it may be done, and a message be another's by now.
        is_unknown = isinstance(change.error, TransportTimeoutError)
        for message in failed:
            if is_unknown or message.message_id in self._state.taken:
                self._returns.over(message)
            else:
                self._returns.failed(message, now)

    def _delete_again(self, change: Change, failed: list[QueueMessage], now: float) -> None:
        if change.error is not None:
            self._deletes.failed(change.at, now, self._wait_s)
            self._state.to_delete[:0] = failed
            self._delete_at = now
            return
        self._deletes.answered()
        if failed:
            self._parts.failed(change.at, now, self._wait_s)
            self._undeleted += failed
        else:
            self._parts.answered()

    def _wait_s(self, failures: int) -> float:
        return min(hold_s(failures), _HURRIED_S if self._hurries else _NEVER)

    def forget(self, message: QueueMessage) -> None:
        """This message is not here any more."""
        self._visibility.ended(message)
        self._state.forget(message)

    def drop_over(self, lane: Lane, now: float) -> bool:
        """Drop from a lane what is kept no more, and what is behind it; tells whether any is left.

        Another consumer may have it, or gets it next.
        """
        lanes = self._state.lanes
        waiting = cast("list[QueueMessage]", lanes.take(lane, len(lane.waiting)))
        over = [self._visibility.is_over(message, now) for message in waiting]
        first = over.index(True) if True in over else len(waiting)
        lanes.put_back(lane, list(waiting[:first]))
        for message, is_over in zip(waiting[first:], over[first:], strict=True):
            if is_over:
                self.forget(message)
                self._observer.saw(GivenBack(1))
            else:
                self._state.give_back(message)
        if not first:
            lanes.release(lane)
        return first > 0

    def _say(self, change: Change, error: PatEventsError, count: int, now: float) -> None:
        more = self._repeats.note((change.kind, type(error).__name__), now)
        if more is not None:
            _log.warning(
                "could not %s %d of %d messages: %s; %s%s",
                change.kind,
                count,
                len(change.messages),
                one_line(str(error)),
                _THEN[change.kind],
                more_like_it(more),
            )
