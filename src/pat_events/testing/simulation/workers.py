"""Workers whose jobs start, go on and end when a schedule says so."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from pat_events.consumer.attempt import attempt
from pat_events.consumer.job import Job, post_when_settled
from pat_events.consumer.workers.inbox import Inbox
from pat_events.consumer.workers.watch import Watch
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from pat_events.producer.producer import Producer
    from pat_events.testing.simulation.clock import VirtualClock


class _Pause:
    def __await__(self) -> Generator[_Pause, None, None]:
        yield self


async def pause() -> None:
    """Await something in a simulated coroutine handler; ``StepWorkers.advance`` ends the wait."""
    await _Pause()


class StepWorkers:
    """A worker pool whose jobs start, go on and end when told to.

    A job that makes no progress for as long as its handler may take is given up, by the rule
    of the real pools, and its end then comes too late, as with a thread that hangs.
    """

    def __init__(
        self, clock: VirtualClock, producer: Producer | None, post: Callable[[Job], None]
    ) -> None:
        self._clock = clock
        self._producer = producer
        self.post = post
        self.ready: list[Job] = []
        self.running: dict[Job, Watch] = {}
        self._paused: dict[Job, Generator[Any, Any, None]] = {}

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs; none starts yet."""
        self.ready.extend(jobs)

    def wake_idle(self) -> bool:
        """Tell whether jobs wait."""
        return bool(self.ready)

    def take_back(self) -> list[Job]:
        """Return the jobs that were not started."""
        jobs, self.ready = self.ready, []
        return jobs

    def jobs(self) -> list[Job]:
        """Return what was submitted and has not ended."""
        return [*self.ready, *self.running]

    def start(self, job: Job) -> None:
        """Begin one of the ready jobs; its handler is called by ``advance`` or ``finish``."""
        self.ready.remove(job)
        watch = self.running[job] = Watch()
        watch.overdue(job, self._clock.monotonic())

    def advance(self, job: Job) -> None:
        """Let a running job go on to the next ``pause``, or to its end if there is none.

        Raises:
            ConfigError: a coroutine awaited what is neither done at once nor a ``pause``.
        """
        begun = self._paused.pop(job, None)
        if begun is not None and job.abandoned:
            self._go_on(job, begun, lambda: begun.throw(asyncio.CancelledError()))
            return
        attempted = begun or attempt(job, self._producer)
        self._go_on(job, attempted, lambda: next(attempted))

    def finish(self, job: Job) -> None:
        """Let a running job go on to its end, and post what came of it.

        Raises:
            ConfigError: as in ``advance``.
        """
        self.advance(job)
        while job in self._paused:
            self.advance(job)

    def cancel(self, job: Job) -> None:
        """Cancel a coroutine at its ``pause`` from outside, as an event loop that ends does.

        Not to be called where an event loop turns.
        """
        attempted = self._paused.pop(job)
        # By what its task tells, a cancellation from outside differs from an error of its own.
        loop = asyncio.new_event_loop()
        with closing(loop), suppress(asyncio.CancelledError):
            loop.run_until_complete(self._cancelled(job, attempted))

    async def _cancelled(self, job: Job, attempted: Generator[Any, Any, None]) -> None:
        asyncio.current_task().cancel()  # type: ignore[union-attr]
        self._go_on(job, attempted, lambda: attempted.throw(asyncio.CancelledError()))

    @property
    def paused(self) -> list[Job]:
        """The jobs whose coroutine is at a ``pause``."""
        return list(self._paused)

    def _go_on(
        self, job: Job, attempted: Generator[Any, Any, None], go_on: Callable[[], object]
    ) -> None:
        try:
            awaited = go_on()
        except StopIteration:
            job.seconds = self._clock.monotonic() - self.running.pop(job).began
            post_when_settled(job, self.post)
            return
        if not isinstance(awaited, _Pause):
            attempted.close()
            raise ConfigError(
                "a handler in a simulation awaited something real: there is no event loop"
            )
        self._paused[job] = attempted

    def run_all(self) -> int:
        """Start and finish all that is ready, in order; returns how many jobs that were."""
        jobs = list(self.ready)
        for job in jobs:
            self.start(job)
            self.finish(job)
        return len(jobs)

    def overdue(self, now: float) -> list[Job]:
        """Give up running jobs that are past their handler's deadline."""
        overdue = [
            job
            for job, watch in self.running.items()
            if not job.abandoned and watch.overdue(job, now)
        ]
        for job in overdue:
            job.abandoned = True
        return overdue


class StepInbox(Inbox):
    """An inbox whose waits are virtual: ``while_waiting(seconds)`` is called instead."""

    def __init__(self, while_waiting: Callable[[float], None]) -> None:
        super().__init__()
        self._while_waiting = while_waiting

    def take(self, timeout_s: float) -> list[Any]:
        """Return everything there is; with nothing there the others get a turn first."""
        items = super().take(0)
        if not items and timeout_s > 0:
            self._while_waiting(timeout_s)
            items = super().take(0)
        return items
