"""The event loop of one execution environment, with the threads of ``asyncio.to_thread``.

What blocks either is left behind, so that the next invocation has sound ones.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

from pat_events.consumer.workers.tasks import loop_thread

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from concurrent.futures import Executor

# How long a loop, or its threads, may take to answer before they count as blocked, in seconds.
_ANSWERS_S: Final = 0.5


class EventLoop:
    """Begins with the first invocation that has coroutine handlers, and serves the later ones."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        # AWS ends an environment without a word: only a loop that is blocked is ended here.
        self._thread = contextlib.ExitStack()
        self._executor: Executor | None = None
        self._executors = 0
        # As long as something hangs in them.
        self._left_loops: list[asyncio.AbstractEventLoop] = []
        self._left_threads: list[threading.Thread] = []

    def sound(self) -> asyncio.AbstractEventLoop:
        """Return the loop: another one where a coroutine blocks it.

        Other loops cost handlers the clients that they keep in one. Where only the calls of
        ``asyncio.to_thread`` hang it gets other threads.
        """
        loop = self._loop
        if loop is not None and not _answers(loop.call_soon_threadsafe):
            self._left_loops.append(loop)
            self._thread.close()
            loop = None
        if loop is None:
            loop = self._loop = self._thread.enter_context(loop_thread())
            self._renew_threads(loop)
        elif self._executor is not None and not _answers(self._executor.submit):
            self._renew_threads(loop)
        return loop

    def hanging(self) -> int:
        """Return how many calls hang in what was left behind."""
        self._left_loops = [each for each in self._left_loops if not each.is_closed()]
        self._left_threads = [each for each in self._left_threads if each.is_alive()]
        return len(self._left_loops) + len(self._left_threads)

    def _renew_threads(self, loop: asyncio.AbstractEventLoop) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - few have coroutines

        if self._executor is not None:
            # Those that are idle end now.
            self._executor.shutdown(wait=False, cancel_futures=True)
            name = self._name
            self._left_threads += [it for it in threading.enumerate() if it.name.startswith(name)]
        self._executors += 1
        self._executor = ThreadPoolExecutor(thread_name_prefix=self._name)
        loop.call_soon_threadsafe(loop.set_default_executor, self._executor)

    @property
    def _name(self) -> str:
        return f"pat-events-to-thread-{self._executors}-"


def _answers(call: Callable[[Callable[[], None]], object]) -> bool:
    answered = threading.Event()
    call(answered.set)
    return answered.wait(_ANSWERS_S)
