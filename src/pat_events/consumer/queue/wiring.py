"""The one place that puts an engine together: a consumer's, and a simulated one's."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from pat_events.consumer.queue.engine import Engine
from pat_events.consumer.queue.state import QueueState
from pat_events.consumer.recovering import recovering
from pat_events.consumer.recovery.dead_letters import DeadLetterWriter
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pat_events.consumer.job import Job
    from pat_events.consumer.letter_limit import LetterLimit
    from pat_events.consumer.queue.limits import Limits
    from pat_events.consumer.queue.requests import Request, Requests
    from pat_events.consumer.routes import Routes
    from pat_events.consumer.workers.inbox import Inbox
    from pat_events.consumer.workers.pool import WorkerPool
    from pat_events.core.lanes import Order
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.transports.queue import QueueFeatures
    from pat_events.transports.sending import Sender

Pool = TypeVar("Pool", bound="WorkerPool")


def make_engine(
    name: str,
    routes: Routes,
    *,
    features: QueueFeatures,
    make_requests: Callable[[Callable[[Request], None]], Requests],
    letters: tuple[Sender, str] | None,
    make_workers: Callable[[Callable[[Job], None]], Pool],
    inbox: Inbox,
    order: Order,
    limits: Limits,
    observers: Iterable[GivenObserver],
    system: str,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
    random: Callable[[], float],
    dead_letter_limits: Sequence[LetterLimit] = (),
    dead_letter_routes: Mapping[type[BaseException], str] = MappingProxyType({}),
) -> tuple[Engine, Pool]:
    """Return the engine of one consumer, and its workers.

    Args:
        name: Name of the consumer, as its dead letters tell it.
        routes: From a delivery to its handler.
        features: What the queue can do.
        make_requests: Called with where to post what was answered.
        letters: Who sends dead letters, and where to; None leaves to the queue what is given up.
        make_workers: Called with where to post a job that is settled.
        inbox: Where all of that is left for the engine's thread.
        order: As of ``QueueConsumer``.
        limits: As of ``QueueConsumer``.
        observers: Are told what happens, each in this order.
        system: What carries the events; see ``Queue``.
        clock: Monotonic, in seconds.
        wall_clock: Seconds since 1970.
        random: Numbers in [0, 1) for jitter.
        dead_letter_limits: That of each handler, where there is one.
        dead_letter_routes: As of ``QueueConsumer``.
    """
    workers = make_workers(inbox.put)
    observer = Observers(observers, Origin(system, name))
    state = QueueState(order)
    writer = None
    if letters is not None:
        sender, topic = letters
        writer = DeadLetterWriter(name, sender, inbox.put, topic, routes=dead_letter_routes)
    inbox, recovery = recovering(
        workers,
        inbox,
        state if writer is None else writer,
        routes,
        dead_letter_limits,
        observer,
        clock=clock,
        wall_clock=wall_clock,
        random=random,
    )
    engine = Engine(
        name,
        requests=make_requests(inbox.put),
        features=features,
        routes=routes,
        workers=workers,
        inbox=inbox,
        state=state,
        recovery=recovery,
        limits=limits,
        observer=observer,
        clock=clock,
    )
    return engine, workers
