"""What the engine of any room recovers with: one place puts it together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.consumer.dedupe.settling import settling
from pat_events.consumer.dedupe.workers import ClaimingWorkers
from pat_events.consumer.recovery.gates import Gates
from pat_events.consumer.recovery.recovery import Recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from pat_events.consumer.letter_limit import LetterLimit
    from pat_events.consumer.recovery.dead_letters import DeadLetterWriter
    from pat_events.consumer.recovery.recovery import OwnRedrive
    from pat_events.consumer.routes import Routes
    from pat_events.consumer.workers.inbox import Inbox
    from pat_events.consumer.workers.pool import WorkerPool
    from pat_events.telemetry.observers import Observers


def recovering(
    workers: WorkerPool,
    inbox: Inbox,
    dead_letters: DeadLetterWriter | OwnRedrive,
    routes: Routes,
    limits: Sequence[LetterLimit],
    observer: Observers,
    *,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
    random: Callable[[], float],
    uncounted: Container[str] = (),
) -> tuple[Inbox, Recovery]:
    """Return what an engine takes jobs from, and what becomes of those that failed.

    Args:
        workers: Where handlers run.
        inbox: Where they leave what is settled.
        dead_letters: As of ``Recovery``.
        routes: From a delivery to its handler, which may have a breaker.
        limits: That of dead letters of each handler, where there is one.
        observer: Is told what happens.
        clock: Monotonic, in seconds.
        wall_clock: Seconds since 1970.
        random: Numbers in [0, 1) for jitter.
        uncounted: As of ``Gates``.
    """
    recovery = Recovery(
        dead_letters=dead_letters,
        gates=Gates(routes.breakers, limits, workers.jobs, observer, clock, uncounted),
        skips=isinstance(workers, ClaimingWorkers),
        observer=observer,
        clock=clock,
        wall_clock=wall_clock,
        random=random,
    )
    return settling(inbox, workers), recovery
