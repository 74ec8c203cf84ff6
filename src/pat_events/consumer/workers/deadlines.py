"""What becomes of jobs whose handler passed its deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.consumer.job import post_when_settled
from pat_events.errors import HandlerTimeoutError

if TYPE_CHECKING:
    from pat_events.consumer.workers.pool import WorkerPool


def give_up_overdue(workers: WorkerPool, now: float) -> None:
    """Post what is left of each overdue job as one that failed.

    Raises:
        WorkersExhaustedError: as many calls hang as there are workers.
        HoldError: nothing runs handlers any more.
    """
    for job in workers.overdue(now):
        registration = job.registration
        error = HandlerTimeoutError(
            f"{registration.name} was still running after {registration.timeout_s:g} s"
        )
        # Back through the inbox, like any other: what was handled before it may have
        # published, and is done only when that is acknowledged.
        post_when_settled(job.given_up(error), workers.post)
