"""One member of a consumer group, step by step under a virtual clock.

It is the real engine on a ``MemoryBroker``. Nothing runs by itself: a test or a seeded
scheduler decides which member steps, which job starts, which one ends and what time it is.
"""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from pat_events.consumer.attempt import attempt
from pat_events.consumer.job import Job, post_when_settled
from pat_events.consumer.log.limits import Limits
from pat_events.consumer.log.wiring import make_engine
from pat_events.consumer.workers.inbox import Inbox
from pat_events.consumer.workers.watch import Watch
from pat_events.errors import ConfigError, TransportTimeoutError
from pat_events.transports.memory import MemoryReceiver, MemorySender

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from typing import Any

    from pat_events.consumer.routes import Routes
    from pat_events.consumer.stats import GroupStats
    from pat_events.core.lanes import Order
    from pat_events.core.record import Delivery
    from pat_events.producer.producer import Producer
    from pat_events.transports.log import RebalanceListener, Receiver, TopicPartition
    from pat_events.transports.memory import MemoryBroker

# A test's clock begins here: not at 0, which code could take for "not set".
START_S = 1_000.0
WALL_START_S = 1_700_000_000.0


class VirtualClock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = START_S

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def wall(self) -> float:
        """Return the time since 1970."""
        return self.now - START_S + WALL_START_S

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


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
        self._post = post
        self.ready: list[Job] = []
        self.running: dict[Job, Watch] = {}
        self._paused: dict[Job, Generator[Any, Any, None]] = {}

    def submit(self, jobs: list[Job]) -> None:
        """Take jobs; none starts yet."""
        self.ready.extend(jobs)

    def wake_idle(self) -> bool:
        """Tell whether jobs wait."""
        return bool(self.ready)

    def start(self, job: Job) -> None:
        """Begin one of the ready jobs; its handler is called by ``advance`` or ``finish``."""
        self.ready.remove(job)
        watch = self.running[job] = Watch()
        watch.overdue(job, self._clock())

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
            self.running.pop(job, None)
            post_when_settled(job, self._post)
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


class _StepReceiver:
    """Never waits in real time, and writes down what the engine asks for."""

    def __init__(self, inner: Receiver) -> None:
        self.inner = inner
        self.commits: list[dict[TopicPartition, int]] = []
        self.paused: set[TopicPartition] = set()

    def subscribe(self, topics: Sequence[str], listener: RebalanceListener) -> None:
        self.inner.subscribe(topics, listener)

    def poll(self, max_records: int, timeout_s: float) -> list[Delivery]:
        del timeout_s
        return self.inner.poll(max_records, 0)

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused.update(partitions)
        self.inner.pause(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused.difference_update(partitions)
        self.inner.resume(partitions)

    def ends(self) -> Mapping[TopicPartition, int]:
        return self.inner.ends()

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> None:
        self.inner.commit(offsets, wait=wait)
        self.commits.append(dict(offsets))

    def close(self) -> None:
        self.inner.close()


class Member:
    """An engine, its workers and its place in the group.

    Args:
        broker: The cluster.
        group: Name of the group.
        routes: The handlers.
        clock: Shared by all that meet in one simulation, the broker included.
        random: Numbers in [0, 1) for jitter.
        producer: For handlers that publish.
        order: As of ``ConsumerGroup``.
        limits: As of ``ConsumerGroup``.
        receiver: Its place in the group; a ``MemoryReceiver`` from the earliest on when None.
        while_waiting: What happens while the engine waits so many seconds for a result, as
            it does when partitions are revoked. By default all jobs run and the time passes.
    """

    def __init__(
        self,
        broker: MemoryBroker,
        group: str,
        routes: Routes,
        clock: VirtualClock,
        *,
        random: Callable[[], float] = lambda: 0.0,
        producer: Producer | None = None,
        order: Order = "key",
        limits: Limits | None = None,
        receiver: Receiver | None = None,
        while_waiting: Callable[[float], None] | None = None,
    ) -> None:
        self._clock = clock
        self.inbox = StepInbox(while_waiting or self._wait)
        self.receiver = _StepReceiver(receiver or MemoryReceiver(broker, group, "earliest"))
        self.sender = MemorySender(broker)
        self.engine, self.workers = make_engine(
            group,
            routes,
            receiver=self.receiver,
            sender=self.sender,
            make_workers=lambda post: StepWorkers(clock, producer, post),
            inbox=self.inbox,
            order=order,
            limits=limits
            or Limits(
                max_in_flight=1_000,
                max_in_flight_bytes=1_000_000,
                drain_timeout_s=5,
                commit_interval_s=0.5,
            ),
            clock=clock,
            wall_clock=clock.wall,
            random=random,
        )
        self.engine.subscribe(routes.topics)

    @property
    def stats(self) -> GroupStats:
        """The engine's counts."""
        return self.engine.stats

    def step(self) -> None:
        """One step of the engine; no job starts or ends in it."""
        self.engine.step()

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, step, run all jobs, and step again to settle them."""
        self._clock.advance(seconds)
        self.step()
        self.workers.run_all()
        self.step()

    def run_until(self, done: Callable[[], bool], *, tick_s: float = 0.1, turns: int = 500) -> None:
        """Take turns until something is true.

        Raises:
            TransportTimeoutError: it is not after that many turns.
        """
        for _ in range(turns):
            if done():
                return
            self.turn(tick_s)
        raise TransportTimeoutError(f"not done after {turns} turns of {tick_s} s: {self.stats}")

    def _wait(self, seconds: float) -> None:
        if not self.workers.run_all():
            self._clock.advance(seconds)
