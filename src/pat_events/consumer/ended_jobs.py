"""What is told of a job that came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.consumer.job import Job
from pat_events.telemetry.observer import EndedJob, JobsEnded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.telemetry.observer import Observer


def tell_jobs(items: Iterable[object], observer: Observer) -> None:
    """Tell of the jobs among these that are still wanted."""
    jobs = [it for it in items if type(it) is Job and it.source.alive and not it.abandoned]
    if told := [each for job in jobs for each in ended_jobs(job)]:
        observer.saw(JobsEnded(told))


def ended_jobs(job: Job) -> list[EndedJob]:
    """Return one for each handler that was called, or could not be as nothing was decoded."""
    first = job.deliveries[0]
    name = first.route.registration.name
    if not (job.failures or job.mixed):
        # No look at each delivery: most jobs are such.
        done = job.done
        job_ended = EndedJob(first.topic, first.partition, name, done, 0, None, job.seconds)
        return [job_ended] if done else []
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
