"""The dead-letter limit of a consumer, for each of its handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.consumer.gate import Gate
from pat_events.core.checks import wrong_type
from pat_events.core.recovery.limit import DeadLetterLimit, LetterCircuit

if TYPE_CHECKING:
    from pat_events.consumer.handlers import Handlers


class LetterLimit(Gate):
    """Keeps a handler from being called that gave up too many events."""

    def __init__(self, name: str, limit: DeadLetterLimit) -> None:
        self._letters = LetterCircuit(limit)
        super().__init__(name, self._letters)

    @property
    def told(self) -> str:
        """That it is passed, in words, and why."""
        return f"{self.name} gives up too many events: {self.why}"

    def release(self) -> None:
        """Let it be called again, as whoever looked into it says; from any thread."""
        with self._lock:
            self._letters.release()


def limits_of(handlers: Handlers, limit: DeadLetterLimit | None) -> tuple[LetterLimit, ...]:
    """Return that of each handler, by its name; none without a limit.

    Raises:
        ConfigError: it is no ``DeadLetterLimit``.
    """
    if limit is None:
        return ()
    if not isinstance(limit, DeadLetterLimit):
        raise wrong_type("dead_letter_limit", limit, "a DeadLetterLimit, or None for no limit")
    names = dict.fromkeys(registration.name for _, registration in handlers)
    return tuple(LetterLimit(name, limit) for name in names)
