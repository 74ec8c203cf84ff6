"""What workers and senders hand back to the engine's thread."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

T = TypeVar("T")


class Inbox:
    """What workers and senders hand back to the engine's thread."""

    def __init__(self) -> None:
        self._items: SimpleQueue[Any] = SimpleQueue()
        self.put: Callable[[Any], None] = self._items.put

    def take(self, timeout_s: float) -> list[Any]:
        """Return everything there is; wait up to ``timeout_s`` for the first item."""
        items: list[Any] = []
        try:
            if timeout_s > 0:
                items.append(self._items.get(timeout=timeout_s))
            while True:
                items.append(self._items.get_nowait())
        except Empty:
            return items


def take_all(waiting: deque[T]) -> list[T]:
    """Return what waits, in order; others may take of it meanwhile."""
    taken: list[T] = []
    while True:
        try:
            taken.append(waiting.popleft())
        except IndexError:
            return taken
