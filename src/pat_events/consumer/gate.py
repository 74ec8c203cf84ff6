"""What may keep a handler from being called, and lets one event through as a probe."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.core.recovery.circuit import Circuit, Outcome


class Gate:
    """A circuit that several threads may share, those of consumers and those that ask.

    Attributes:
        name: Its name in logs and metrics.
        circuit: What is known. Read by any thread, and changed under the lock alone.
        slow_s: A job that takes as long is told to it though all its calls returned, in seconds.
    """

    slow_s: float | None = None

    def __init__(self, name: str, circuit: Circuit) -> None:
        self.name = name
        self.circuit = circuit
        # Nobody publishes with it.
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether handlers behind it are not called; from any thread."""
        return self.circuit.is_open

    @property
    def why(self) -> str:
        """Why it is open, in words; empty while it is closed. From any thread."""
        return self.circuit.why

    @property
    def until(self) -> float:
        """When the next probe may be called, by the consumer's monotonic clock in seconds."""
        return self.circuit.until

    @property
    def told(self) -> str:
        """That it is open, in words, and why."""
        raise NotImplementedError

    def may_probe(self, now: float) -> bool:
        """Tell whether an event may be called for as the probe."""
        return self.circuit.may_probe(now)

    def take_probe(self, now: float) -> bool:
        """Tell the same, and count the caller's event as the probe: one of all that ask."""
        with self._lock:
            self.circuit.probing |= (granted := self.circuit.may_probe(now))
            return granted

    def came(self, outcome: Outcome, now: float, *, is_probe: bool) -> bool:
        """Learn what came of calls; tells whether that opened or closed it."""
        with self._lock:
            if is_probe:
                return self.circuit.probed(outcome, now)
            return self.circuit.came(outcome, now)
