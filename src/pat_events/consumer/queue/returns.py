"""Messages that are given back, until the queue has heard it: pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pat_events.core.recovery.verdict import hold_s

if TYPE_CHECKING:
    from pat_events.transports.queue import QueueMessage

# How often giving back is asked in all: what keeps failing comes again when its visibility is
# over, and a consumer that stops is not to wait for that.
_MOST_TRIES: Final = 3
_NEVER: Final = float("inf")


class _Return:
    __slots__ = ("comes_at", "due_at", "kept_until", "tries")

    def __init__(self, comes_at: float, kept_until: float) -> None:
        self.comes_at, self.kept_until = comes_at, kept_until
        self.tries = 1
        # Infinite while the queue is asked.
        self.due_at = _NEVER


class Returns:
    """What was asked to be given back, and what of it is asked again; times in seconds.

    Only as long as a message is kept from others: after that it is another's.
    """

    def __init__(self) -> None:
        self._returns: dict[QueueMessage, _Return] = {}

    def asked(self, message: QueueMessage, comes_at: float, kept_until: float) -> None:
        """The queue is asked to hand this out from then on; until it hears, it is kept so long."""
        self._returns[message] = _Return(comes_at, kept_until)

    def over(self, message: QueueMessage) -> None:
        """The queue has heard, or has handed it out: nothing more is to be asked."""
        self._returns.pop(message, None)

    def failed(self, message: QueueMessage, now: float) -> None:
        """It has not heard."""
        found = self._returns[message]
        due_at = now + hold_s(found.tries)
        found.tries += 1
        if found.tries > _MOST_TRIES or due_at >= found.kept_until:
            self.over(message)
        else:
            found.due_at = due_at

    def take_due(self, now: float) -> dict[int, list[QueueMessage]]:
        """Return what is to be asked again, by the rest of its wait."""
        due: dict[int, list[QueueMessage]] = {}
        for message, found in self._returns.items():
            if found.due_at <= now:
                found.due_at = _NEVER
                due.setdefault(max(0, math.ceil(found.comes_at - now)), []).append(message)
        return due

    @property
    def next_due(self) -> float:
        """When ``take_due`` has something; infinite where it never has."""
        return min((found.due_at for found in self._returns.values()), default=_NEVER)

    @property
    def waiting(self) -> bool:
        """Whether something is to be asked again."""
        return self.next_due < _NEVER
