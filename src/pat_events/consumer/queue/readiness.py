"""How a consumer of a queue is: what keeps it from being ready, and how full it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.consumer.queue.requests import Receive
from pat_events.telemetry.clients import OperationEnded
from pat_events.telemetry.health import told_of_held
from pat_events.telemetry.partitions import Levels

if TYPE_CHECKING:
    from pat_events.consumer.queue.intake import Intake
    from pat_events.consumer.queue.requests import Request
    from pat_events.consumer.queue.state import QueueState
    from pat_events.consumer.recovery.recovery import Recovery
    from pat_events.telemetry.observers import Observers

_INTERVAL_S: Final = 1.0


class Readiness:
    """Looks once a second, and tells levels where somebody wants them.

    Args:
        queue: The name of the queue.
        state: What is here of it.
        intake: Knows whether the queue is reached.
        recovery: Knows what is held and what waits for another attempt.
        observers: Are told.
    """

    def __init__(
        self,
        queue: str,
        state: QueueState,
        intake: Intake,
        recovery: Recovery,
        observers: Observers,
    ) -> None:
        self._queue = queue
        self._state = state
        self._intake = intake
        self._recovery = recovery
        self._observers = observers
        self._next = 0.0
        self._held = 0
        self._open_gates: tuple[str, ...] = ()

    @property
    def not_ready(self) -> tuple[str, ...]:
        """What keeps the consumer from being ready, in words; read by any thread."""
        held = told_of_held(self._held) if self._held else ""
        return tuple(filter(None, (self._intake.not_ready, held, *self._open_gates)))

    def tell_duration(self, request: Request, now: float) -> None:
        """Tell how long a request took, where somebody wants to know."""
        if self._observers.wants_operations:
            if isinstance(request, Receive):
                what = OperationEnded("receive", request.at - request.asked_at, request.error)
            else:
                what = OperationEnded("settle", now - request.at, request.error)
            self._observers.saw(what)

    def look_if_due(self, now: float) -> None:
        """Look, and tell, at most once a second."""
        if now < self._next:
            return
        self._next = now + _INTERVAL_S
        waits = [wait.held for wait in self._recovery.waiting]
        self._held = held = sum(waits)
        self._open_gates = self._recovery.gates.open
        if self._observers.wants_levels:
            levels = [self._state.level(self._queue)]
            self._observers.saw(Levels(levels, held, len(waits) - held))
