"""The one place that puts an engine together: a group's, and a simulated one's."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from pat_events.consumer.log.engine import Engine
from pat_events.consumer.recovering import recovering
from pat_events.consumer.recovery.dead_letters import DeadLetterWriter
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pat_events.consumer.job import Job
    from pat_events.consumer.letter_limit import LetterLimit
    from pat_events.consumer.log.limits import Limits
    from pat_events.consumer.routes import Routes
    from pat_events.consumer.workers.inbox import Inbox
    from pat_events.consumer.workers.pool import WorkerPool
    from pat_events.core.lanes import Order
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.transports.log import Receiver
    from pat_events.transports.sending import Sender

Pool = TypeVar("Pool", bound="WorkerPool")


def make_engine(
    group: str,
    routes: Routes,
    retries: Mapping[str, str],
    *,
    receiver: Receiver,
    sender: Sender,
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
    """Return the engine of one member, and its workers.

    Args:
        group: Name of the group, and so of its dead-letter topics.
        routes: From a delivery to its handler.
        retries: Topics in which it meets dead letters again, each with the one they came from.
        receiver: The member's place in the group; the engine closes it.
        sender: Writes dead letters.
        make_workers: Called with where to post a job that is settled.
        inbox: Where workers and senders leave what is for the engine's thread.
        order: As of ``ConsumerGroup``.
        limits: As of ``ConsumerGroup``.
        observers: Are told what happens, each in this order.
        system: What carries the events; see ``Transport``.
        clock: Monotonic, in seconds.
        wall_clock: Seconds since 1970.
        random: Numbers in [0, 1) for jitter.
        dead_letter_limits: That of each handler, where there is one.
        dead_letter_routes: As of ``ConsumerGroup``.
    """
    workers = make_workers(inbox.put)
    observer = Observers(observers, Origin(system, group))
    writer = DeadLetterWriter(group, sender, inbox.put, retries=retries, routes=dead_letter_routes)
    inbox, recovery = recovering(
        workers,
        inbox,
        writer,
        routes,
        dead_letter_limits,
        observer,
        clock=clock,
        wall_clock=wall_clock,
        random=random,
        uncounted=retries,
    )
    engine = Engine(
        receiver=receiver,
        routes=routes,
        workers=workers,
        inbox=inbox,
        recovery=recovery,
        order=order,
        limits=limits,
        observer=observer,
        clock=clock,
    )
    return engine, workers
