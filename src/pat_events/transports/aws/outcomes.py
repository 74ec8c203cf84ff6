"""What a sender tells: observers, the log, and its errors of why nothing gets through."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pat_events.core.repeats import Repeats, more_like_it
from pat_events.core.shown import one_line
from pat_events.telemetry.clients import (
    Acknowledged,
    NotDelivered,
    OperationEnded,
    SentAgain,
    Throttled,
)
from pat_events.telemetry.observers import Observers
from pat_events.transports.aws.batching import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pat_events.errors import PatEventsError
    from pat_events.telemetry.observer import GivenObserver, Origin
    from pat_events.transports.aws.batching import Answer, Entry, Settlement

_log = logging.getLogger("pat_events.aws")


class Outcomes:
    """Keeps why something was tried again last, and says so now and then."""

    def __init__(self, observers: Iterable[GivenObserver], origin: Origin) -> None:
        #: Are told what becomes of records.
        self.observers = Observers(observers, origin)
        self._repeats = Repeats()
        self._last: PatEventsError | None = None

    def settled(self, acknowledged: int, failures: Sequence[PatEventsError]) -> None:
        """Tell observers what became of records."""
        if failures:
            self.observers.saw(NotDelivered(len(failures), failures[0]))
        if acknowledged:
            self.observers.saw(Acknowledged(acknowledged))

    def ended(self, settlements: Sequence[Settlement], now: float) -> None:
        """Tell how long a call took that has settled these, from when its first was taken."""
        if settlements and self.observers.wants_operations:
            entry, answer = min(settlements, key=lambda each: each[0].taken_at)
            error = answer.error if isinstance(answer, Refused) else None
            self.observers.saw(OperationEnded("send", now - entry.taken_at, error))

    def answered(
        self, call: Sequence[Entry], answers: Refused | Sequence[Answer], now: float
    ) -> None:
        """Keep, and log now and then, why something of a call is tried again."""
        each = [answers] if isinstance(answers, Refused) else answers
        refused = [it for it in each if isinstance(it, Refused) and it.again]
        if refused:
            self._last = error = refused[0].error
            records = len(call) if isinstance(answers, Refused) else len(refused)
            if refused[0].throttled:
                self.observers.saw(Throttled(records))
            self.observers.saw(SentAgain(records, str(error)))
            more = self._repeats.note((call[0].destination, type(error)), now)
            if more is not None:
                text = one_line(str(error))
                _log.warning("%s; it is tried again%s", text, more_like_it(more))

    def failed(self, error: BaseException, now: float) -> None:
        """Log now and then what was raised while records were sent: a mistake in here."""
        more = self._repeats.note(type(error).__name__, now)
        if more is not None:
            _log.error("sending failed and goes on%s", more_like_it(more), exc_info=error)

    def why(self) -> str:
        """Return what is known of why nothing got through."""
        return "no call has failed" if self._last is None else f"last failure: {self._last}"
