"""What is told of a job that came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.consumer.job import Job
from pat_events.telemetry.observer import EndedJob, JobsEnded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.consumer.handlers import Registration
    from pat_events.telemetry.observer import Observer


# Jobs of less than that, in seconds, are told together: it is below the lowest bound that durations
# are sorted by, and a value for each was 7 % of consuming.
_QUICK_S: Final = 0.001


def tell_jobs(items: Iterable[object], observer: Observer) -> None:
    """Tell of the jobs among these that are still wanted, of the quick ones together."""
    told: list[EndedJob] = []
    quick: Job | None = None
    registration: Registration | None = None
    events, seconds = 0, 0.0
    for job in items:
        if type(job) is not Job or not job.source.alive or job.abandoned:
            continue
        took_s = job.seconds
        if took_s >= _QUICK_S or job.failures is not None or job.mixed:
            told += ended_jobs(job)
            continue
        # No call and nothing made for each of these: where each event has a key of its own, there
        # is one for each event.
        its_own: Registration = job.deliveries[0].route.registration
        if quick is None or its_own is not registration or job.source is not quick.source:
            if quick is not None and events:
                told.append(_ended(quick, events, seconds))
            quick, registration = job, its_own
            events, seconds = 0, 0.0
        events += job.done
        seconds += took_s
    if quick is not None and events:
        told.append(_ended(quick, events, seconds))
    if told:
        observer.saw(JobsEnded(told))


def _ended(job: Job, handled: int, seconds: float) -> EndedJob:
    """Return what is told where nothing failed, and one handler was called."""
    first = job.deliveries[0]
    name = first.route.registration.name
    return EndedJob(first.topic, first.partition, name, handled, 0, None, seconds)


def ended_jobs(job: Job) -> list[EndedJob]:
    """Return one for each handler that was called, or could not be as nothing was decoded."""
    if not (job.failures or job.mixed):
        # No look at each delivery: most jobs are such.
        return [_ended(job, job.done, job.seconds)] if job.done else []
    first = job.deliveries[0]
    errors = dict(job.failures or ())
    called = max([job.done, *(index + 1 for index in errors)])
    names = [delivery.route.registration.name for delivery in job.deliveries[:called]]
    return [
        EndedJob(
            first.topic,
            first.partition,
            name,
            names.count(name) - len(failed),
            len(failed),
            failed[0] if failed else None,
            job.seconds * names.count(name) / called,
        )
        for name in dict.fromkeys(names)
        for failed in [[errors[it] for it in sorted(errors) if names[it] == name]]
    ]
