"""How long it takes until a record is acknowledged, of some records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.telemetry.clients import OperationEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.telemetry.observers import Observers
    from pat_events.transports.sending import Outgoing


class TimedSends:
    """Times one record at a time: a clock and a place for each would be paid by all of them.

    Args:
        observers: Are told, at the poller's turn.
        clock: Monotonic seconds.
    """

    def __init__(self, observers: Observers, clock: Callable[[], float]) -> None:
        self._observers = observers
        self._clock = clock
        self._wanted = observers.wants_operations
        self._timed: tuple[Outgoing, float] | None = None

    def begin(self, outgoing: Outgoing) -> None:
        """Time this one, which was sent just now, unless another is on its way."""
        if self._wanted and self._timed is None:
            self._timed = (outgoing, self._clock())

    def look(self, now: float) -> None:
        """Tell of the one that is timed, once it is settled."""
        timed = self._timed
        if timed is not None and timed[0].settled:
            self._timed = None
            self._observers.saw(OperationEnded("send", now - timed[1], timed[0].error))
