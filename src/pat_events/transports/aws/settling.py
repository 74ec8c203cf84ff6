"""What a record becomes, told once: to its handle, to observers and to who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.transports.aws.batching import Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.errors import PatEventsError
    from pat_events.transports.aws.batching import Settlement
    from pat_events.transports.aws.ledger import Ledger
    from pat_events.transports.aws.outcomes import Outcomes
    from pat_events.transports.aws.signal_safe_condition import SignalSafeCondition
    from pat_events.transports.sending import Outgoing


class Settling:
    """Takes records out of the ledger and settles them, those alone that nobody else has settled.

    Handles call back in here: no lock may be held.

    Args:
        ledger: What is not settled.
        outcomes: Tells observers.
        changed: Wakes those who wait for room, or for the end of records.
    """

    def __init__(self, ledger: Ledger, outcomes: Outcomes, changed: SignalSafeCondition) -> None:
        self._ledger = ledger
        self._outcomes = outcomes
        self._changed = changed

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Settle what a call has settled."""
        taken = 0
        failures: list[PatEventsError] = []
        for entry, answer in settlements:
            outgoing = entry.outgoing
            if not self._ledger.remove(outgoing):
                continue
            if isinstance(answer, Taken):
                taken += 1
                outgoing.settle(None, answer.place)
            else:
                failures.append(answer.error)
                outgoing.settle(answer.error, None)
        self._outcomes.settled(taken, failures)
        self._changed.notify_all()

    def give_up(self, failures: Sequence[tuple[Outgoing, PatEventsError]]) -> list[Outgoing]:
        """Settle what is waited for no longer; returns what nobody else has settled."""
        given_up = []
        for outgoing, error in failures:
            if self._ledger.remove(outgoing):
                given_up.append(outgoing)
                outgoing.settle(error, None)
        self._outcomes.settled(0, [it.error for it in given_up if it.error is not None])
        self._changed.notify_all()
        return given_up
