"""A condition to wait for, which the handler of a signal may also notify."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress


class SignalSafeCondition:
    """Wakes all who wait, without a lock that the handler of a signal might find held."""

    def __init__(self) -> None:
        # Bare locks and not an Event: to release one is one step.
        self._waiting: deque[threading.Lock] = deque()
        #: Changes whenever all are woken: read it before looking at what is waited for.
        self.round = 0

    def wait(self, seen: int, timeout_s: float) -> None:
        """Wait to be woken, unless that has happened since ``round`` was ``seen``."""
        waiter = threading.Lock()
        waiter.acquire()
        self._waiting.append(waiter)
        if self.round == seen:
            waiter.acquire(timeout=min(max(0.0, timeout_s), threading.TIMEOUT_MAX))
        with suppress(ValueError):
            self._waiting.remove(waiter)

    def notify_all(self) -> None:
        """Wake all who wait."""
        self.round += 1
        while self._waiting:
            # IndexError: two threads wake at once.
            with suppress(IndexError):
                self._waiting.popleft().release()
