"""Where handlers run: threads for functions, one event loop for coroutines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.consumer.job import Job
    from pat_events.consumer.workers.tasks import TaskWorkers
    from pat_events.consumer.workers.threads import ThreadWorkers


class WorkerPool(Protocol):
    """Where handlers run; every call comes from the engine's thread."""

    @property
    def post(self) -> Callable[[Job], None]:
        """Takes each job that is settled, on its way to the engine; from any thread."""

    def submit(self, jobs: list[Job]) -> None:
        """Run these jobs and post each to the inbox when it is settled."""

    def wake_idle(self) -> bool:
        """Help waiting jobs along; tells whether there are some."""

    def take_back(self) -> list[Job]:
        """Return the jobs that no worker has taken; they are the engine's again."""

    def jobs(self) -> list[Job]:
        """Return what workers have, begun or not; some may end, or be begun, meanwhile."""

    def overdue(self, now: float) -> list[Job]:
        """Give up jobs whose handler passed its deadline, and return them."""


class ClosableWorkers(WorkerPool, Protocol):
    """Workers that a consumer makes, and ends."""

    @property
    def threads_at_work(self) -> int:
        """How many threads are in a call of a handler; see ``ThreadWorkers``."""

    @property
    def tasks_at_work(self) -> int:
        """How many tasks have not ended; see ``TaskWorkers``."""

    @property
    def not_ready(self) -> tuple[str, ...]:
        """What keeps them from handing jobs back, in words; from any thread."""

    def called_by_handler(self) -> bool:
        """Tell whether a handler at work here is the caller; from any thread."""

    def close(self, timeout_s: float) -> None:
        """Let threads end once their handler returns, and cancel tasks.

        Waits for no handler, and for who else is to hear of it so long at most, in seconds.
        """


class Workers:
    """Sends each job to threads or tasks, as its handler wants."""

    def __init__(
        self, threads: ThreadWorkers, tasks: TaskWorkers | None, post: Callable[[Job], None]
    ) -> None:
        self.post = post
        self._threads = threads
        self._tasks = tasks

    def submit(self, jobs: list[Job]) -> None:
        """Run these jobs; see ``WorkerPool``."""
        if self._tasks is None:
            self._threads.submit(jobs)
            return
        tasks = [job for job in jobs if job.registration.is_async]
        threads = [job for job in jobs if not job.registration.is_async]
        # First the one that cannot fail: a job that is submitted to nobody is waited for.
        if threads:
            self._threads.submit(threads)
        if tasks:
            self._tasks.submit(tasks)

    def wake_idle(self) -> bool:
        """Help waiting jobs along; see ``WorkerPool``."""
        return self._threads.wake_idle()

    def take_back(self) -> list[Job]:
        """Return the jobs that no worker has taken; see ``WorkerPool``."""
        jobs = self._threads.take_back()
        return jobs if self._tasks is None else jobs + self._tasks.take_back()

    def jobs(self) -> list[Job]:
        """Return what workers have; see ``WorkerPool``."""
        jobs = self._threads.jobs()
        return jobs if self._tasks is None else jobs + self._tasks.jobs()

    def overdue(self, now: float) -> list[Job]:
        """Give up jobs past their deadline; see ``WorkerPool``."""
        overdue = self._threads.overdue(now)
        return overdue if self._tasks is None else overdue + self._tasks.overdue(now)

    @property
    def threads_at_work(self) -> int:
        """How many threads are in a call of a handler; see ``ThreadWorkers``."""
        return self._threads.at_work

    @property
    def tasks_at_work(self) -> int:
        """How many tasks have not ended; see ``TaskWorkers``."""
        return 0 if self._tasks is None else self._tasks.at_work

    @property
    def not_ready(self) -> tuple[str, ...]:
        """Nothing does."""
        return ()

    def called_by_handler(self) -> bool:
        """Tell whether a handler at work here is the caller; from any thread."""
        return self._threads.called_by_handler() or (
            self._tasks is not None and self._tasks.called_by_handler()
        )

    def close(self, timeout_s: float) -> None:  # noqa: ARG002 - nobody else is to hear of it
        """Let threads end once their handler returns, and cancel tasks."""
        self._threads.close()
        if self._tasks is not None:
            self._tasks.close()
