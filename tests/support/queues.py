"""Queues under test, whatever is behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.testing.simulation import VirtualClock
from pat_events.transports.memory import MemoryQueue

if TYPE_CHECKING:
    from pat_events.transports.queue import QueueMessage

#: How long a message is kept where a test waits for the end of it, in seconds.
SHORT_S = 1
#: And where it does not.
LONG_S = 30


class QueueInMemory:
    """A queue of this process, under a clock that passes when told to."""

    def __init__(self, *, fifo: bool = False, max_receives: int | None = None) -> None:
        self.clock = VirtualClock()
        letters = MemoryQueue("letters", fifo=fifo, clock=self.clock)
        self._letters = letters.receiver()
        redrive = (letters, max_receives) if max_receives is not None else None
        self.queue = MemoryQueue("queue", fifo=fifo, redrive=redrive, clock=self.clock)
        self.receiver = self.queue.receiver()
        self._fifo = fifo

    def send(self, *bodies: str, group: str = "g") -> None:
        for body in bodies:
            self.queue.send(body.encode(), group=group)

    def receive(self, count: int = 10, visibility_s: int = LONG_S) -> list[QueueMessage]:
        """What is there now."""
        return self.receiver.receive(count, 0, visibility_s)

    def letters(self) -> list[QueueMessage]:
        return self._letters.receive(10, 0, LONG_S)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def another_receiver(self):
        return self.queue.receiver()


def bodies(messages: list[QueueMessage]) -> list[str]:
    return [(message.value or b"").decode() for message in messages]


def receipts(messages: list[QueueMessage]) -> list[str]:
    return [message.receipt for message in messages]
