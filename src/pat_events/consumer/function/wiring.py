"""The one place that puts the engine of an invocation together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.consumer.function.engine import Engine, Errors
from pat_events.consumer.function.part import GivenUp
from pat_events.consumer.recovering import recovering
from pat_events.telemetry.observers import Observers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pat_events.consumer.letter_limit import LetterLimit
    from pat_events.consumer.routes import Routes
    from pat_events.consumer.workers.inbox import Inbox
    from pat_events.consumer.workers.pool import WorkerPool
    from pat_events.telemetry.observer import GivenObserver, Origin
    from pat_events.transports.aws.invocations import Invocation


def make_engine(
    invocation: Invocation,
    routes: Routes,
    *,
    workers: WorkerPool,
    inbox: Inbox,
    observers: Iterable[GivenObserver],
    origin: Origin,
    deadline: float,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
    random: Callable[[], float],
    dead_letter_limits: Sequence[LetterLimit] = (),
) -> Engine:
    """Return the engine of one invocation.

    Args:
        invocation: What is to be handled.
        routes: From a delivery to its handler.
        workers: Where handlers run.
        inbox: Where they leave what is settled.
        observers: Are told what happens.
        origin: Who tells.
        deadline: When to end, by ``clock``.
        clock: Monotonic, in seconds.
        wall_clock: Seconds since 1970.
        random: Numbers in [0, 1) for jitter.
        dead_letter_limits: That of each handler, where there is one.
    """
    errors, given_up = Errors(), GivenUp()
    observer = Observers([errors, *observers], origin)
    inbox, recovery = recovering(
        workers,
        inbox,
        given_up,
        routes,
        dead_letter_limits,
        observer,
        clock=clock,
        wall_clock=wall_clock,
        random=random,
    )
    return Engine(
        invocation,
        routes=routes,
        workers=workers,
        inbox=inbox,
        recovery=recovery,
        errors=errors,
        given_up=given_up,
        observer=observer,
        deadline=deadline,
        clock=clock,
    )
