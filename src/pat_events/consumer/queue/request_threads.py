"""Threads that ask a queue: some wait for messages, others change what becomes of them."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from pat_events.consumer.queue.intake import MAX_CALLS
from pat_events.consumer.queue.requests import Receive

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.consumer.queue.requests import Request
    from pat_events.transports.queue import QueueReceiver

_MAX_CHANGES: Final = 8


class RequestThreads:
    """Asks a queue, each request in one of its threads; they begin when they are needed.

    Receiving waits for seconds, so that nothing else is asked by those who do it. What a thread is
    in when it is closed goes on to its end: daemons, they keep no process.

    Args:
        receiver: The queue.
        post: Called with each request that was answered.
    """

    def __init__(self, receiver: QueueReceiver, post: Callable[[Request], None]) -> None:
        self._receiver = receiver
        self._post = post
        self._receives = _Line(self._run, MAX_CALLS, "pat-events-receive")
        self._changes = _Line(self._run, _MAX_CHANGES, "pat-events-settle")

    def submit(self, request: Request) -> None:
        """Ask this, soon; called from the engine's thread."""
        line = self._receives if isinstance(request, Receive) else self._changes
        line.submit(request)

    def stop_receiving(self) -> None:
        """Receive no more; see ``Requests``."""
        self._receiver.close()

    def _run(self, request: Request) -> None:
        request.run(self._receiver, time.monotonic)
        self._post(request)

    def close(self) -> None:
        """Let the threads end once they are done with what they were given."""
        self._receives.close()
        self._changes.close()


class _Line:
    """Requests, and the threads that take the next one."""

    def __init__(self, run: Callable[[Request], None], most: int, name: str) -> None:
        self._run = run
        self._most = most
        self._name = name
        self._waiting: SimpleQueue[Request | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads = 0

    def submit(self, request: Request) -> None:
        self._waiting.put(request)
        if not self._idle.acquire(blocking=False) and self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._run_all, name=self._name, daemon=True).start()

    def _run_all(self) -> None:
        while True:
            try:
                request = self._waiting.get_nowait()
            except Empty:
                self._idle.release()
                request = self._waiting.get()
            if request is None:
                return
            self._run(request)

    def close(self) -> None:
        for _ in range(self._threads):
            self._waiting.put(None)
