"""How long polls take, of some polls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.errors import TransportError
from pat_events.telemetry.clients import OperationEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.core.record import Delivery
    from pat_events.telemetry.observers import Observers
    from pat_events.transports.log import Receiver

#: Time between two polls that are timed, in seconds: there may be thousands a second.
EACH_S: Final = 0.05


class TimedPolls:
    """Polls, and tells how long those took that brought something, or failed.

    Args:
        receiver: Polls.
        observer: Is told; it wants operations.
        clock: Monotonic seconds.
    """

    def __init__(self, receiver: Receiver, observer: Observers, clock: Callable[[], float]) -> None:
        self._receiver = receiver
        self._observer = observer
        self._clock = clock
        self._next = float("-inf")

    def poll(self, max_records: int, timeout_s: float) -> list[Delivery]:
        """Return what is there; see ``Receiver.poll``."""
        began = self._clock()
        if began < self._next:
            return self._receiver.poll(max_records, timeout_s)
        try:
            deliveries = self._receiver.poll(max_records, timeout_s)
        except TransportError as error:
            self._tell(began, error)
            raise
        if deliveries:
            self._tell(began, None)
        return deliveries

    def _tell(self, began: float, error: TransportError | None) -> None:
        now = self._clock()
        self._next = now + EACH_S
        self._observer.saw(OperationEnded("poll", now - began, error))
