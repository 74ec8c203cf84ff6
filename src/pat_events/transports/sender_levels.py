"""What a sender tells of itself about once a second, where somebody wants to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.telemetry.clients import BufferLevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.config import Config
    from pat_events.telemetry.observers import Observers

#: Time between two looks, in seconds.
LOOK_S: Final = 1.0


class SenderLevels:
    """Tells how full a buffer is.

    Args:
        observers: Are told, in the sender's own thread.
        config: How much has room.
        look: Returns how many events are not settled, their bytes, and the seconds the oldest has
            waited by this clock.
    """

    def __init__(
        self,
        observers: Observers,
        config: Config,
        look: Callable[[float], tuple[int, int, float]],
    ) -> None:
        #: Whether anybody wants to know.
        self.wanted = observers.wants_levels
        self._observers = observers
        self._limits = config.buffer_events, config.buffer_bytes
        self._look = look
        self._next = 0.0
        self._is_over = False

    def tell(self, now: float) -> None:
        """Tell it, once a second. Called by one thread."""
        if not self.wanted or now < self._next or self._is_over:
            return
        self._next = now + LOOK_S
        events, size_bytes, oldest_s = self._look(now)
        self._observers.saw(BufferLevel(id(self), events, size_bytes, *self._limits, oldest_s))

    def end(self) -> None:
        """Tell that there is no buffer any more."""
        if self.wanted and not self._is_over:
            self._is_over = True
            self._observers.saw(BufferLevel(id(self), 0, 0, 0, 0, 0.0))
