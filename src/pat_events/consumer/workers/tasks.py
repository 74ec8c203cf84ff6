"""Handlers that are coroutines: tasks of one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from pat_events.consumer.attempt import attempt_awaited
from pat_events.consumer.cancellation import cancelled
from pat_events.consumer.job import post_when_settled
from pat_events.consumer.workers.inbox import take_all
from pat_events.consumer.workers.watch import Watch
from pat_events.errors import HoldError, WorkersExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pat_events.consumer.job import Job
    from pat_events.producer.producer import Producer

_log = logging.getLogger("pat_events.consumer")

# After so long a task takes no further job, in seconds: the loop has others to serve.
_TURN_S: Final = 0.005
# How long a task may take to end once it is cancelled, in seconds.
_CANCEL_S: Final = 5.0
# How long the loop waits for its last tasks when the group ends, in seconds.
_LAST_TASKS_S: Final = 0.5


class TaskWorkers:
    """Tasks of one event loop, at most so many at a time.

    Their handlers see the context variables of whoever made this.
    """

    def __init__(
        self,
        count: int,
        loop: asyncio.AbstractEventLoop,
        producer: Producer | None,
        post: Callable[[Job], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._loop = loop
        self._producer = producer
        self._post = post
        self._clock = clock
        self._variables = contextvars.copy_context()
        self._ready: deque[Job] = deque()
        self._tasks: dict[Job, asyncio.Task[None]] = {}
        self._watches: dict[Job, Watch] = {}

    def submit(self, jobs: list[Job]) -> None:
        """Queue jobs; called from the engine's thread.

        Raises:
            HoldError: the loop is closed. All jobs are posted, as held.
        """
        # By this thread: a loop that a handler blocks must not keep them from being taken back.
        self._ready.extend(jobs)
        self._soon(self._fill)

    def _soon(self, callback: Callable[..., object], *args: object) -> None:
        try:
            # Tasks begin with a copy of the variables of whoever makes them.
            self._loop.call_soon_threadsafe(callback, *args, context=self._variables)
        except RuntimeError:
            error = HoldError(
                "the event loop that runs the handlers is closed: stop the group before its loop "
                "ends"
            )
            # Nobody runs them any more, and the end of the group waits for them.
            self._hold([*self._ready, *self._tasks], error)
            self._ready.clear()
            self._tasks.clear()
            raise error from None

    def _hold(self, jobs: list[Job], error: HoldError) -> None:
        for job in jobs:
            job.failures = [(job.done, error)]
            self._post(job)

    def _fill(self) -> None:
        while len(self._tasks) < self._count:
            try:
                job = self._ready.popleft()
            except IndexError:  # Not asked before: the engine's thread may take them back.
                return
            is_alone = not self._tasks
            task = self._loop.create_task(self._run(job))
            self._tasks[job] = task
            task.add_done_callback(partial(self._ended, job))
            if is_alone:
                # It does them all where no handler waits for anything, and nothing is left then.
                self._loop.call_soon(self._fill)
                return

    async def _run(self, job: Job) -> None:
        """Run a job, and what waits for a task after it: one for each costs as much as all else."""
        clock, ready = self._clock, self._ready
        task = cast("asyncio.Task[None]", asyncio.current_task())
        turn_ends = clock() + _TURN_S
        while True:
            began = clock()
            try:
                await attempt_awaited(job, self._producer, self._variables)
            finally:
                ended = clock()
                job.seconds = ended - began
                # Before it is posted: from then on it is the engine's, and no longer overdue.
                self._tasks.pop(job, None)
                post_when_settled(job, self._post)
            if ended >= turn_ends or task.cancelling():
                return
            try:
                job = ready.popleft()
            except IndexError:
                return
            self._tasks[job] = task

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        # Its first job: one that was begun is there no more.
        never_began = self._tasks.pop(job, None) is not None
        if not task.cancelled():
            task.exception()  # What ends the process: the loop has raised it, too.
        elif never_began and not job.abandoned:
            self._hold([job], cancelled())
        self._fill()

    def take_back(self) -> list[Job]:
        """Return the jobs that no task has taken."""
        return take_all(self._ready)

    def jobs(self) -> list[Job]:
        """Return what tasks have; see ``WorkerPool``."""
        # Copied, each in one step of the interpreter: the loop goes on meanwhile.
        return [*self._ready.copy(), *self._tasks.copy()]

    def overdue(self, now: float) -> list[Job]:
        """Cancel jobs whose handler passed its deadline; returns them.

        Raises:
            WorkersExhaustedError: as many tasks ignore their cancellation as
                there may be, or one of them blocks the loop.
            HoldError: the loop is closed.
        """
        tasks = self._tasks.copy()
        self._watches = {job: self._watches.get(job) or Watch() for job in tasks}
        self._refuse_to_hang(now, tasks)
        given_up = []
        for job, watch in self._watches.items():
            if not job.abandoned and watch.overdue(job, now):
                job.abandoned = True
                given_up.append(job)
                self._soon(self._cancel, job, tasks[job])
        return given_up

    def _cancel(self, job: Job, task: asyncio.Task[None]) -> None:
        # It may be at another job by now.
        if self._tasks.get(job) is task:
            task.cancel()

    def _refuse_to_hang(self, now: float, tasks: dict[Job, asyncio.Task[None]]) -> None:
        hanging = [
            job
            for job, watch in self._watches.items()
            if job.abandoned and now - watch.since >= job.registration.timeout_s + _CANCEL_S
        ]
        blocked = [job for job in hanging if not tasks[job].cancelling()]
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

    @property
    def at_work(self) -> int:
        """How many tasks have not ended, those that were given up included."""
        return len(self._tasks)

    def called_by_handler(self) -> bool:
        """Tell whether the calling coroutine is one of these tasks."""
        try:
            task = asyncio.current_task()
        except RuntimeError:  # No loop runs in this thread.
            return False
        return task in self._tasks.copy().values()

    def close(self) -> None:
        """Cancel what still runs."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel_all)

    def _cancel_all(self) -> None:
        self._ready.clear()
        for job, task in list(self._tasks.items()):
            job.abandoned = True
            task.cancel()


@contextlib.contextmanager
def loop_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread of its own; on leaving its tasks are cancelled."""
    loop = asyncio.new_event_loop()
    ended = threading.Event()
    thread = threading.Thread(
        target=_run_loop, args=(loop, ended), name="pat-events-loop", daemon=True
    )
    thread.start()
    try:
        yield loop
    finally:
        ended.set()
        loop.call_soon_threadsafe(loop.stop)
        # A handler that blocks the loop keeps it open; the process is ending anyway.
        thread.join(2 * _LAST_TASKS_S)


def _run_loop(loop: asyncio.AbstractEventLoop, ended: threading.Event) -> None:
    try:
        while not ended.is_set():
            try:
                loop.run_forever()
            except BaseException:  # noqa: BLE001 - KeyboardInterrupt, SystemExit
                # Of a task that a handler began; whoever awaits it gets it as well.
                _log.exception("a task raised what stops an event loop, which goes on")
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=_LAST_TASKS_S))
    finally:
        loop.close()
