"""What is not acknowledged in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.errors import TransportTimeoutError

if TYPE_CHECKING:
    from pat_events.errors import PatEventsError
    from pat_events.transports.aws.batching import Entry
    from pat_events.transports.aws.ledger import Ledger
    from pat_events.transports.sending import Outgoing

# In an outage something is overdue all the time, and to find it means to look at all there is.
_EVERY_S: Final = 0.05


class Expiry:
    """Finds what is overdue; owned by one thread. Times are monotonic seconds.

    Args:
        ledger: What is not settled.
        limit_s: How long that may take.
    """

    def __init__(self, ledger: Ledger, limit_s: float) -> None:
        self._ledger = ledger
        self._limit_s = limit_s
        self._next = 0.0

    def due(self) -> float | None:
        """Return when something is overdue; None for never."""
        oldest = self._ledger.oldest_taken_at()
        return None if oldest is None else max(oldest + self._limit_s, self._next)

    def overdue(self, now: float) -> list[Entry]:
        """Return what is, up to a moment late."""
        if now < self._next:
            return []
        found = self._ledger.taken_before(now - self._limit_s)
        if found:
            self._next = now + _EVERY_S
        return found

    def failures(self, entries: list[Entry], why: str) -> list[tuple[Outgoing, PatEventsError]]:
        """Return what to settle each with; ``why`` is what is known of the reason."""
        late = f"not acknowledged within {self._limit_s:g} s, and may still be delivered"
        return [
            (it.outgoing, TransportTimeoutError(f"sending to {it.name}: {late}; {why}"))
            for it in entries
        ]
