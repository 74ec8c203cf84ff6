"""One member of a consumer group: the real engine, which steps when a schedule says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pat_events.catalog.model import Catalog
from pat_events.config import Config
from pat_events.consumer.dedupe.workers import ClaimingWorkers
from pat_events.consumer.log.limits import Limits
from pat_events.consumer.log.wiring import make_engine
from pat_events.errors import TransportTimeoutError
from pat_events.telemetry.counts import Counts
from pat_events.testing.simulation.workers import StepInbox, StepWorkers
from pat_events.transports.memory import MemoryReceiver, MemorySender

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pat_events.consumer.dedupe.dedupe import Dedupe
    from pat_events.consumer.job import Job
    from pat_events.consumer.letter_limit import LetterLimit
    from pat_events.consumer.routes import Routes
    from pat_events.consumer.workers.pool import WorkerPool
    from pat_events.core.lanes import Order
    from pat_events.core.record import Delivery, TopicPartition
    from pat_events.producer.producer import Producer
    from pat_events.telemetry.counts import ConsumerStats
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.testing.simulation.clock import VirtualClock
    from pat_events.transports.log import CommitAnswer, RebalanceListener, Receiver
    from pat_events.transports.memory import MemoryBroker


class _StepReceiver:
    """Never waits in real time, and writes down what the engine asks for."""

    def __init__(self, inner: Receiver) -> None:
        self.inner = inner
        self.commits: list[dict[TopicPartition, int]] = []
        self.paused: set[TopicPartition] = set()

    def subscribe(
        self, topics: Sequence[str], listener: RebalanceListener, own: Collection[str] = ()
    ) -> None:
        self.inner.subscribe(topics, listener, own)

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

    def has_joined(self) -> bool:
        return self.inner.has_joined()

    def log_ends(self) -> Mapping[TopicPartition, int]:
        return self.inner.log_ends()

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> None:
        self.inner.commit(offsets, wait=wait)
        self.commits.append(dict(offsets))

    def commit_answers(self) -> Sequence[CommitAnswer]:
        return self.inner.commit_answers()

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
        dead_letter_limits: That of each handler, where there is one.
        observers: Are told what happens.
        receiver: Its place in the group; a ``MemoryReceiver`` from the earliest on when None.
        sender: Writes its dead letters; a ``MemorySender`` when None.
        dedupe: As of ``ConsumerGroup``; its store must not wait.
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
        dead_letter_limits: Sequence[LetterLimit] = (),
        observers: Iterable[GivenObserver] = (),
        receiver: Receiver | None = None,
        sender: MemorySender | None = None,
        dedupe: Dedupe | None = None,
        while_waiting: Callable[[float], None] | None = None,
    ) -> None:
        self._clock = clock
        self._counts = Counts()
        self.inbox = StepInbox(while_waiting or self._wait)
        self.receiver = _StepReceiver(receiver or MemoryReceiver(broker, group, "earliest"))
        self.sender = sender or MemorySender(broker, Config())

        def make_workers(post: Callable[[Job], None]) -> Any:  # noqa: ANN401 - nobody closes them
            self.workers = StepWorkers(clock, producer, post)
            return self.workers

        def make_claiming_workers(post: Callable[[Job], None]) -> WorkerPool:
            if dedupe is None:
                workers: StepWorkers = make_workers(post)
                return workers
            return ClaimingWorkers(dedupe, group, make_workers, post, clock.monotonic)

        retries = {Catalog.retry_topic(topic, group): topic for topic in routes.topics}
        self.engine, _ = make_engine(
            group,
            routes,
            retries,
            receiver=self.receiver,
            sender=self.sender,
            make_workers=make_claiming_workers,
            inbox=self.inbox,
            order=order,
            limits=limits
            or Limits(
                max_in_flight=1_000,
                max_in_flight_bytes=1_000_000,
                drain_timeout_s=5,
                commit_interval_s=0.5,
            ),
            observers=[self._counts, *observers],
            system="memory",
            clock=clock.monotonic,
            wall_clock=clock.wall,
            random=random,
            dead_letter_limits=dead_letter_limits,
        )
        self.engine.subscribe(routes.topics, list(retries))

    @property
    def stats(self) -> ConsumerStats:
        """The engine's counts."""
        return self._counts.stats

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
