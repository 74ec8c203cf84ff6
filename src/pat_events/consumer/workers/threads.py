"""Handlers that are plain functions: threads that take the next ready job."""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from pat_events.consumer.attempt import attempt
from pat_events.consumer.job import post_when_settled
from pat_events.consumer.workers.inbox import take_all
from pat_events.consumer.workers.watch import Watch
from pat_events.errors import WorkersExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.consumer.job import Job
    from pat_events.producer.producer import Producer

# Handlers quicker than this on average do not gain from a second thread:
# handing the interpreter back and forth costs more than they do.
_QUICK_S: Final = 50e-6
_SMOOTHING: Final = 0.1


class _Thread:
    def __init__(self, pool: ThreadWorkers) -> None:
        self.token: SimpleQueue[None] = SimpleQueue()
        self.current: Job | None = None
        self.watch = Watch()
        # Its handler passed the deadline: another thread has its place, and
        # whatever it still produces is ignored.
        self.abandoned = False
        self.thread = threading.Thread(
            target=pool.run_jobs, args=(self,), name="pat-events-worker", daemon=True
        )
        self.thread.start()


class ThreadWorkers:
    """Threads that take the next ready job, whichever lane it is of.

    Their handlers see the context variables of whoever made this.
    """

    def __init__(
        self,
        count: int,
        producer: Producer | None,
        post: Callable[[Job], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._producer = producer
        self._post = post
        self._clock = clock
        self._variables = contextvars.copy_context()
        self._ready: deque[Job] = deque()
        self._idle: deque[_Thread] = deque()
        self._mean_s = 0.0
        self._closed = False
        self._abandoned: list[_Thread] = []
        self._last_given_up = ""
        self._threads: list[_Thread] = []
        self._mine = threading.local()

    def submit(self, jobs: list[Job]) -> None:
        """Queue jobs, and wake as many threads as help."""
        self._ready.extend(jobs)
        while len(self._threads) < min(self._count, len(jobs)):
            self._threads.append(_Thread(self))
        self._wake(1 if self._mean_s < _QUICK_S else len(jobs))

    def wake_idle(self) -> bool:
        """Wake one more thread if jobs wait; tells whether some do."""
        if not self._ready:
            return False
        if not self._idle and len(self._threads) < self._count:
            self._threads.append(_Thread(self))
        self._wake(1)
        return True

    def _wake(self, count: int) -> None:
        for _ in range(count):
            try:
                self._idle.pop().token.put(None)
            except IndexError:
                return

    def run_jobs(self, me: _Thread) -> None:
        """Run jobs until closed or abandoned; the body of every thread."""
        # Looked up once: this runs for every job, and most have one event.
        ready, clock, post = self._ready, self._clock, self._post
        producer, variables = self._producer, self._variables
        # Not looked up in _threads: a new thread is at work before it is listed there.
        self._mine.handles = True
        while not (self._closed or me.abandoned):
            try:
                job = ready.popleft()
            except IndexError:
                self._wait_for_a_job(me)
                continue
            me.current = job
            began = clock()
            # A plain function yields nothing to wait for: this runs to the end.
            for _ in attempt(job, producer, variables):
                pass
            me.current = None
            job.seconds = took_s = clock() - began
            # Races between threads only blur the mean.
            self._mean_s += (took_s - self._mean_s) * _SMOOTHING
            if job.unsettled is None and not job.abandoned:
                post(job)  # As below; a call less for most jobs.
            else:
                post_when_settled(job, post)

    def _wait_for_a_job(self, me: _Thread) -> None:
        self._idle.append(me)
        if self._ready or self._closed:
            # Something arrived between looking and waiting. Whoever removed
            # us from the list has sent a token, which must be taken.
            try:
                self._idle.remove(me)
            except ValueError:
                me.token.get()
            return
        me.token.get()

    def take_back(self) -> list[Job]:
        """Return the jobs that no thread has taken."""
        return take_all(self._ready)

    def jobs(self) -> list[Job]:
        """Return what threads have; see ``WorkerPool``."""
        # Copied in one step of the interpreter: threads take of it meanwhile.
        ready = list(self._ready.copy())
        begun = (thread.current for thread in self._threads)
        return ready + [job for job in begun if job is not None]

    def overdue(self, now: float) -> list[Job]:
        """Give up jobs whose handler passed its deadline; returns them.

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
        # A thread may have taken one more job while it was given up: that one has a deadline, too.
        for thread in [*self._threads, *self._abandoned]:
            job = thread.current
            if not thread.watch.overdue(job, now) or job is None or job.abandoned:
                continue
            job.abandoned = True
            self._last_given_up = job.registration.name
            given_up.append(job)
            if not thread.abandoned:
                thread.abandoned = True
                self._abandoned.append(thread)
                self._threads[self._threads.index(thread)] = _Thread(self)
        return given_up

    @property
    def at_work(self) -> int:
        """How many are in a call of a handler, those that were given up included."""
        threads = (*self._threads, *self._abandoned)
        return sum(each.current is not None for each in threads)

    def called_by_handler(self) -> bool:
        """Tell whether the calling thread is one of these."""
        return hasattr(self._mine, "handles")

    def close(self) -> None:
        """Let the threads end once their handler returns."""
        self._closed = True
        for thread in self._threads:
            thread.token.put(None)
