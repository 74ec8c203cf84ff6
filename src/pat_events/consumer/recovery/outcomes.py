"""What came of a job, as a breaker and a dead-letter limit count it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.core.dead_letter import class_of, message_of
from pat_events.core.recovery.circuit import Outcome
from pat_events.core.recovery.verdict import gives_up, may_be_over_soon
from pat_events.core.shown import one_line

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from pat_events.consumer.breaker import Breaker
    from pat_events.consumer.job import Job
    from pat_events.consumer.letter_limit import LetterLimit


def calls_of(job: Job, slow_s: float | None) -> Outcome:
    """Return how many calls failed in a way that may be over soon, or were too slow."""
    failures = job.failures or ()
    # By identity: a batch that raised is one call.
    counted = {
        id(error): error
        for index, error in failures
        if may_be_over_soon(error, job.deliveries[index].route.registration.retry)
    }
    failed = len(counted)
    # Of a duplicate nothing was called.
    returned = job.done - job.skipped - sum(index < job.done for index, _ in failures)
    if job.registration.batch_size:
        failed = min(1, failed)
        returned = min(1 - failed, returned)
    if counted:
        return Outcome(returned, failed, _told(list(counted.values())[-1]))
    # A job ends with the call at work when it is at it for a quarter of a second: see ``Watch``.
    if returned and slow_s is not None and job.seconds >= slow_s:
        return Outcome(returned - 1, 1, f"{job.seconds:.1f} s, which is too slow")
    return Outcome(returned, 0)


def given_up_of(
    job: Job,
    breaker: Breaker | None,
    limits: Mapping[str, LetterLimit],
    uncounted: Container[str],
) -> dict[str, Outcome]:
    """Return, by the name of each handler of a job, how many events it gave up.

    As the verdict on each will be; of a handler that is called but for a probe any failure counts.
    Else what is given up of the topics in ``uncounted`` does not.
    """
    failures = dict(job.failures or ())
    if not failures and not job.mixed:
        return {job.deliveries[0].route.registration.name: Outcome(job.done - job.skipped, 0)}
    outcomes: dict[str, Outcome] = {}
    for index, delivery in enumerate(job.deliveries):
        registration, error = delivery.route.registration, failures.get(index)
        if error is None and index >= job.done:
            continue
        returned, failed, told = outcomes.get(registration.name, Outcome(0, 0))
        if error is None:
            returned += 1
        elif limits[registration.name].is_open or (
            error is not job.raised
            and delivery.topic not in uncounted
            and gives_up(error, attempt=delivery.attempt, policy=registration.retry)
            and not (
                breaker is not None
                and breaker.is_open
                and may_be_over_soon(error, registration.retry)
            )
        ):
            failed, told = failed + 1, _told(error)
        outcomes[registration.name] = Outcome(returned, failed, told)
    if job.skipped:  # Few, and whose they are does not matter.
        name, outcome = next(iter(outcomes.items()))
        outcomes[name] = outcome._replace(returned=max(0, outcome.returned - job.skipped))
    return outcomes


def _told(error: BaseException) -> str:
    return one_line(f"{class_of(error)}: {message_of(error)}")
