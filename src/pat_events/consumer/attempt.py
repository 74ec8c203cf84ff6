"""Calling handlers: one lane's deliveries at a time, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.consumer.batches import run_batch, run_batch_async
from pat_events.consumer.cancellation import from_outside
from pat_events.consumer.context import Context
from pat_events.consumer.results import look_at_result
from pat_events.consumer.variables import NO_VARIABLES, are_current, awaited_in
from pat_events.producer.ack import ends_the_process

if TYPE_CHECKING:
    from contextvars import Context as Variables

    from pat_events.consumer.job import Job
    from pat_events.core.record import Delivery
    from pat_events.producer.producer import Producer


def run(job: Job, producer: Producer | None, variables: Variables = NO_VARIABLES) -> bool:
    """Call the handlers of a job in this thread; returns whether it is still wanted.

    Each call sees the context variables it is given, and none that another has set.
    """
    deliveries = job.deliveries
    if deliveries[0].route.registration.batch_size:
        return _is_over(job, deliveries[-1]) or run_batch(job, producer, variables)
    for delivery in deliveries:
        if _is_over(job, delivery):
            break
        route = delivery.route
        try:
            event = route.decode(delivery.value)
        except Exception as error:  # noqa: BLE001 - a codec's bug must not end the worker
            job.failures = _undecodable(job, error)
            break
        context = Context(delivery, producer)
        try:
            result = variables.copy().run(route.call, event, context)
            if result is not None or context.failure is not None:
                look_at_result(result, context, route.registration.name)
                _raise_failure(context)
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its failure
            job.failures = [(job.done, error)]
            break
        if job.abandoned:
            return False
        if context.acks is not None:
            job.note_acks(job.done, context)
        job.done += 1
    return not job.abandoned


def _raise_failure(context: Context) -> None:
    if context.failure is not None:
        raise context.failure


def _is_over(job: Job, delivery: Delivery) -> bool:
    # All are set by the owner meanwhile.
    return (
        delivery.offset > job.state.last_to_begin
        or job.abandoned
        or (job.wanted_back and job.done > 0)
    )


def _undecodable(job: Job, error: Exception) -> list[tuple[int, BaseException]]:
    """Return the failure of the delivery at work, and those directly behind it of the same kind.

    No handler is called between them, so their dead letters need not wait for each other.
    """
    first = job.deliveries[job.done]
    failures: list[tuple[int, BaseException]] = [(job.done, first.route.undecodable(first, error))]
    for index in range(job.done + 1, len(job.deliveries)):
        delivery = job.deliveries[index]
        if _is_over(job, delivery):
            break
        try:
            delivery.route.decode(delivery.value)
        except Exception as another:  # noqa: BLE001 - as in run
            failures.append((index, delivery.route.undecodable(delivery, another)))
        else:
            break
    return failures


async def run_async(
    job: Job, producer: Producer | None, variables: Variables = NO_VARIABLES
) -> bool:
    """Await the handlers of a job; returns whether it is still wanted.

    As in ``run`` each call sees the variables it is given. A task begins with a copy of them, which
    serves until a call leaves it changed: stepping a coroutine in a copy of its own costs more.

    Raises:
        KeyboardInterrupt, SystemExit: they came by a signal; the job is wanted all the same.
    """
    deliveries = job.deliveries
    if deliveries[0].route.registration.batch_size:
        return _is_over(job, deliveries[-1]) or await run_batch_async(job, producer)
    unchanged = are_current(variables)
    for delivery in deliveries:
        if _is_over(job, delivery):
            break
        route = delivery.route
        try:
            event = route.decode(delivery.value)
        except Exception as error:  # noqa: BLE001 - a codec's bug must not end the worker
            job.failures = _undecodable(job, error)
            break
        context = Context(delivery, producer)
        try:
            if unchanged:
                result = await route.call(event, context)
                unchanged = are_current(variables)
            else:
                result = await awaited_in(variables.copy(), route.call, event, context)
            if result is not None or context.failure is not None:
                look_at_result(result, context, route.registration.name)
                _raise_failure(context)
        except BaseException as error:  # noqa: BLE001 - as above, cancellation included
            _note_failure(job, error)
            break
        if job.abandoned:
            return False
        if context.acks is not None:
            job.note_acks(job.done, context)
        job.done += 1
    return not job.abandoned


def _note_failure(job: Job, error: BaseException) -> None:
    job.failures = [(job.done, from_outside(error) or error)]
    if ends_the_process(error):
        raise error
