"""Where handlers run: threads for functions, one event loop for coroutines."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from pat_events.consumer.work import Work, post_when_settled, run, run_async
from pat_events.errors import WorkersExhaustedError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from pat_events.producer import Producer

_log = logging.getLogger("pat_events.consumer")

# Handlers quicker than this on average do not gain from a second thread:
# handing the interpreter back and forth costs more than they do.
_QUICK_S: Final = 50e-6
_SMOOTHING: Final = 0.1
# How long a task may take to end once it is cancelled, in seconds.
_CANCEL_S: Final = 5.0


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


class _Watch:
    """Sees that a work makes progress, by looking at it now and then."""

    __slots__ = ("done", "since", "work")

    def __init__(self) -> None:
        self.work: Work | None = None
        self.done = 0
        self.since = 0.0

    def overdue(self, work: Work | None, now: float) -> bool:
        if work is None or work is not self.work or work.done != self.done:
            self.work = work
            self.done = 0 if work is None else work.done
            self.since = now
            return False
        return now - self.since >= work.registration.timeout_s


class _Thread:
    def __init__(self, pool: ThreadWorkers) -> None:
        self.token: SimpleQueue[None] = SimpleQueue()
        self.current: Work | None = None
        self.watch = _Watch()
        # Its handler passed the deadline: another thread has its place, and
        # whatever it still produces is ignored.
        self.abandoned = False
        self.thread = threading.Thread(
            target=pool.work, args=(self,), name="pat-events-worker", daemon=True
        )
        self.thread.start()


class ThreadWorkers:
    """Threads that take the next ready work, whichever lane it is of."""

    def __init__(
        self,
        count: int,
        producer: Producer | None,
        post: Callable[[Work], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._producer = producer
        self._post = post
        self._clock = clock
        self._ready: deque[Work] = deque()
        self._parked: deque[_Thread] = deque()
        self._mean_s = 0.0
        self._closed = False
        self._abandoned: list[_Thread] = []
        self._last_given_up = ""
        self._threads: list[_Thread] = []

    def submit(self, works: list[Work]) -> None:
        """Queue works, and wake as many threads as help."""
        self._ready.extend(works)
        while len(self._threads) < min(self._count, len(works)):
            self._threads.append(_Thread(self))
        self._wake(1 if self._mean_s < _QUICK_S else len(works))

    def nudge(self) -> bool:
        """Wake one more thread if works wait; tells whether some do."""
        if not self._ready:
            return False
        if not self._parked and len(self._threads) < self._count:
            self._threads.append(_Thread(self))
        self._wake(1)
        return True

    def _wake(self, count: int) -> None:
        for _ in range(count):
            try:
                self._parked.pop().token.put(None)
            except IndexError:
                return

    def work(self, me: _Thread) -> None:
        """Run works until closed or abandoned; the body of every thread."""
        clock = self._clock
        while not (self._closed or me.abandoned):
            try:
                work = self._ready.popleft()
            except IndexError:
                self._park(me)
                continue
            me.current = work
            began = clock()
            wanted = run(work, self._producer)
            me.current = None
            # Races between threads only blur the mean.
            self._mean_s += (clock() - began - self._mean_s) * _SMOOTHING
            if wanted:
                post_when_settled(work, self._post)

    def _park(self, me: _Thread) -> None:
        self._parked.append(me)
        if self._ready or self._closed:
            # Something arrived between looking and parking. Whoever removed
            # us from the list has sent a token, which must be taken.
            try:
                self._parked.remove(me)
            except ValueError:
                me.token.get()
            return
        me.token.get()

    def overdue(self, now: float) -> list[Work]:
        """Give up works whose handler passed its deadline; returns them.

        Raises:
            WorkersExhaustedError: as many threads hang as there may be workers. It
                comes with the call after the one that returned the last of them.
        """
        self._abandoned = [t for t in self._abandoned if t.thread.is_alive()]
        if len(self._abandoned) >= self._count:
            raise WorkersExhaustedError(
                f"{len(self._abandoned)} handlers never returned, the last one "
                f"{self._last_given_up}; a thread cannot be stopped, so the process must be"
            )
        given_up = []
        for index, thread in enumerate(self._threads):
            work = thread.current
            if thread.watch.overdue(work, now) and work is not None:
                work.abandoned = thread.abandoned = True
                self._abandoned.append(thread)
                self._last_given_up = work.registration.name
                self._threads[index] = _Thread(self)
                given_up.append(work)
        return given_up

    def close(self) -> None:
        """Let the threads end once their handler returns."""
        self._closed = True
        for thread in self._threads:
            thread.token.put(None)


class TaskWorkers:
    """Tasks of one event loop, at most so many at a time."""

    def __init__(
        self,
        count: int,
        loop: asyncio.AbstractEventLoop,
        producer: Producer | None,
        post: Callable[[Work], None],
    ) -> None:
        self._count = count
        self._loop = loop
        self._producer = producer
        self._post = post
        self._ready: deque[Work] = deque()
        self._tasks: dict[Work, asyncio.Task[None]] = {}
        self._watches: dict[Work, _Watch] = {}

    def submit(self, works: list[Work]) -> None:
        """Queue works; called from the engine's thread."""
        self._loop.call_soon_threadsafe(self._start, works)

    def _start(self, works: list[Work]) -> None:
        self._ready.extend(works)
        self._fill()

    def _fill(self) -> None:
        while self._ready and len(self._tasks) < self._count:
            work = self._ready.popleft()
            task = self._loop.create_task(self._run(work))
            self._tasks[work] = task
            task.add_done_callback(partial(self._ended, work))

    async def _run(self, work: Work) -> None:
        wanted = await run_async(work, self._producer)
        # Before it is posted: from then on it is the engine's, and no longer overdue.
        self._tasks.pop(work, None)
        if wanted:
            post_when_settled(work, self._post)

    def _ended(self, work: Work, _: asyncio.Task[None]) -> None:
        self._tasks.pop(work, None)
        self._fill()

    def overdue(self, now: float) -> list[Work]:
        """Cancel works whose handler passed its deadline; returns them.

        Raises:
            WorkersExhaustedError: as many tasks ignore their cancellation as
                there may be, or one of them blocks the loop.
        """
        tasks = self._tasks.copy()
        self._watches = {work: self._watches.get(work) or _Watch() for work in tasks}
        self._refuse_to_hang(now, tasks)
        given_up = []
        for work, watch in self._watches.items():
            if not work.abandoned and watch.overdue(work, now):
                work.abandoned = True
                given_up.append(work)
                self._loop.call_soon_threadsafe(tasks[work].cancel)
        return given_up

    def _refuse_to_hang(self, now: float, tasks: dict[Work, asyncio.Task[None]]) -> None:
        hanging = [
            work
            for work, watch in self._watches.items()
            if work.abandoned and now - watch.since >= work.registration.timeout_s + _CANCEL_S
        ]
        blocked = [work for work in hanging if not tasks[work].cancelling()]
        if blocked:
            raise WorkersExhaustedError(
                f"the event loop is blocked: {blocked[-1].registration.name} passed its deadline "
                "and could not even be cancelled; call what blocks with asyncio.to_thread"
            )
        if len(hanging) >= self._count:
            raise WorkersExhaustedError(
                f"{len(hanging)} handlers passed their deadline and ignore their cancellation, the "
                f"last one {hanging[-1].registration.name}"
            )

    def close(self) -> None:
        """Cancel what still runs."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel_all)

    def _cancel_all(self) -> None:
        self._ready.clear()
        for work, task in list(self._tasks.items()):
            work.abandoned = True
            task.cancel()
