"""What a consumer of any room works with: one value, made of what its service gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.dedupe.dedupe import Dedupe
from pat_events.consumer.dedupe.workers import ClaimingWorkers
from pat_events.consumer.letter_limit import limits_of
from pat_events.consumer.payloads import Payloads
from pat_events.consumer.routes import Routes
from pat_events.consumer.workers.pool import Workers
from pat_events.consumer.workers.tasks import TaskWorkers
from pat_events.consumer.workers.threads import ThreadWorkers
from pat_events.core.checks import require_at_least_1, wrong_type
from pat_events.core.recovery.limit import DeadLetterLimit
from pat_events.producer.in_consumer import producer_in_consumer
from pat_events.telemetry.observers import checked_observers

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from pat_events.config import Config
    from pat_events.consumer.handlers import Handlers
    from pat_events.consumer.job import Job
    from pat_events.consumer.letter_limit import LetterLimit
    from pat_events.consumer.workers.pool import ClosableWorkers
    from pat_events.producer.producer import Producer
    from pat_events.telemetry.observer import GivenObserver, Observer, Origin
    from pat_events.telemetry.spans import ConsumerSpans, Spans
    from pat_events.transports.payloads import PayloadStore
    from pat_events.transports.sending import Sender, SendingTransport

DEFAULT_LIMIT: Final = DeadLetterLimit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a consumer works with; ``of`` makes it.

    Attributes:
        config: Its settings.
        types: The catalogue's events.
        handlers: What it runs.
        routes: From a delivery to its handler.
        store: Where payloads are read and put; None where no claim check is configured.
        observers: Are told what happens.
        tracing: Makes spans of what handlers publish.
        spans: Makes those of calls of handlers.
        max_threads: Threads for handlers that are plain functions.
        max_tasks: Most coroutine handlers at work at a time.
        group: Whose events are claimed: the group, queue or function.
        dedupe: Has events that come twice handled once.
        dead_letter_limits: That of each handler, where there is one.
    """

    config: Config
    types: EventTypes
    handlers: Handlers
    routes: Routes
    store: PayloadStore | None
    observers: tuple[GivenObserver, ...]
    tracing: Spans | None
    spans: ConsumerSpans | None
    max_threads: int
    max_tasks: int
    group: str
    dedupe: Dedupe | None
    dead_letter_limits: tuple[LetterLimit, ...]

    @classmethod
    def of(
        cls,
        handlers: Handlers,
        config: Config,
        origin: Origin,
        *,
        payloads: PayloadStore | None,
        max_threads: int,
        max_tasks: int,
        dead_letter_limit: DeadLetterLimit | None,
        observers: Iterable[GivenObserver],
        tracing: Spans | None,
        dedupe: Dedupe | None,
    ) -> Setup:
        """Return what the consumer works with that ``origin`` names, of what it was given.

        Raises:
            ConfigError: impossible settings, or handlers that do not fit them.
        """
        for setting, value in (("max_threads", max_threads), ("max_tasks", max_tasks)):
            require_at_least_1(setting, value)
        if not isinstance(dedupe, Dedupe | None):
            raise wrong_type("dedupe", dedupe, "a Dedupe, as in Dedupe(MemoryDedupe())")
        types = EventTypes(load_catalog(config.catalog))
        stored = Payloads.configured(config, payloads)
        spans = None if tracing is None else tracing.of_consumer(origin)
        return cls(
            config=config,
            types=types,
            handlers=handlers,
            routes=Routes(handlers, types, config.max_event_bytes, stored, spans),
            store=stored.store,
            observers=checked_observers(observers),
            tracing=tracing,
            spans=spans,
            max_threads=max_threads,
            max_tasks=max_tasks,
            group=origin.consumer,
            dedupe=dedupe,
            dead_letter_limits=limits_of(handlers, dead_letter_limit),
        )

    @property
    def is_async(self) -> bool:
        """Whether a handler is a coroutine function."""
        return any(registration.is_async for _, registration in self.handlers)

    def all_observers(self, *own: Observer) -> list[GivenObserver]:
        """Return who is told of what is consumed: these, what makes spans, and those given."""
        return [*own, *(() if self.spans is None else (self.spans,)), *self.observers]

    def producer(self, transport: SendingTransport) -> tuple[Producer, Sender]:
        """Return the producer of what handlers publish, and its sender."""
        return producer_in_consumer(
            transport, self.config, self.store, self.observers, self.tracing
        )

    def workers(
        self,
        producer: Producer | None,
        post: Callable[[Job], None],
        loop: asyncio.AbstractEventLoop | None,
    ) -> ClosableWorkers:
        """Return workers.

        Args:
            producer: What handlers publish with.
            post: Is given each job that is settled.
            loop: Runs coroutine handlers; None where there are none.
        """

        def make(post: Callable[[Job], None]) -> Workers:
            threads = ThreadWorkers(self.max_threads, producer, post)
            tasks = None
            if loop is not None:
                tasks = TaskWorkers(self.max_tasks, loop, producer, post)
            return Workers(threads, tasks, post)

        if self.dedupe is None:
            return make(post)
        return ClaimingWorkers(self.dedupe, self.group, make, post)
