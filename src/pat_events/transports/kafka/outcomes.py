"""Tells observers what became of records, in numbers: nothing is told for each."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pat_events.telemetry.clients import Acknowledged, NotDelivered, SentAgain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.errors import PatEventsError
    from pat_events.telemetry.observers import Observers
    from pat_events.transports.kafka.callbacks import Failure
    from pat_events.transports.kafka.ledger import Ledger


class Outcomes:
    """Keeps what callbacks report until the poller's turn, which tells it.

    Args:
        ledger: What is outstanding.
        observer: Is told, in whichever thread replaces clients, closes or polls.
    """

    def __init__(self, ledger: Ledger, observer: Observers) -> None:
        self._ledger = ledger
        self._observer = observer
        self._refused: deque[PatEventsError] = deque()
        # How many of them were told, and how many acknowledgements.
        self._told_refused = 0
        self._told = 0

    def refused(self, error: PatEventsError) -> None:
        """Note that a record was refused; callable in a callback."""
        self._refused.append(error)

    def given_up(self, failures: Sequence[Failure]) -> None:
        """Tell what is waited for no longer."""
        if failures:
            self._observer.saw(NotDelivered(len(failures), failures[0][1]))

    def sent_again(self, records: int, why: str) -> None:
        """Tell that a new client has what was unacknowledged."""
        self._observer.saw(SentAgain(records, why, new_client=True))

    def tell(self) -> None:
        """Tell what was acknowledged and refused since the last time."""
        # Callbacks in other threads may add to them meanwhile.
        refused = [self._refused.popleft() for _ in range(len(self._refused))]
        if refused:
            self._told_refused += len(refused)
            self._observer.saw(NotDelivered(len(refused), refused[0]))
        acknowledged = self._ledger.in_time - self._told_refused
        # One too many while another thread takes a record: the next time has one less.
        if acknowledged > self._told:
            self._observer.saw(Acknowledged(acknowledged - self._told))
            self._told = acknowledged
