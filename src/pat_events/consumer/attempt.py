"""The attempt: the one way deliveries go through a handler, whoever drives it.

A thread iterates over it, a task awaits it, a simulation steps it. What belongs around every
call of a handler belongs here; how many events a call takes is said by ``Calls``.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from pat_events.consumer.calls import IN_ONE_CALL, ONE_BY_ONE, Batch
from pat_events.consumer.cancellation import from_outside
from pat_events.consumer.context import Context
from pat_events.consumer.results import look_at_result
from pat_events.consumer.variables import NO_VARIABLES, are_current, awaited_in
from pat_events.system.signals import ends_the_process

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextvars import Context as Variables

    from pat_events.consumer.calls import Calls
    from pat_events.consumer.job import Job
    from pat_events.producer.producer import Producer


# In one piece: a function of ours in its loop would cost a tenth of it.
def attempt(  # noqa: C901, PLR0912
    job: Job, producer: Producer | None, variables: Variables = NO_VARIABLES
) -> Generator[Any, Any, None]:
    """Take a job's deliveries through their handler, as far as they are wanted.

    What came of it is on the job. What a coroutine waits for is yielded; a plain function is called
    and nothing is yielded. Each call sees the context variables it is given, and none that another
    has set. A task begins with a copy of them, which serves until a call leaves it changed:
    stepping a coroutine in a copy of its own costs more.

    Raises:
        KeyboardInterrupt, SystemExit: they came by a signal; the job is wanted all the same.
    """
    deliveries: Sequence[Any] = job.deliveries
    registration = deliveries[0].route.registration
    make_context: Callable[[Any, Producer | None], Context | Batch] = Context
    calls = ONE_BY_ONE
    if registration.batch_size:
        deliveries, make_context, calls = [Batch(job.deliveries)], Batch.make_contexts, IN_ONE_CALL
    is_async = registration.is_async
    unchanged = is_async and are_current(variables)
    for delivery in deliveries:
        # All are set by the engine meanwhile.
        if (
            delivery.offset > job.source.last_to_begin
            or job.abandoned
            or (job.wanted_back and job.done >= job.calls_at_least)
        ):
            break
        route = delivery.route
        try:
            if route.fetch is not None:
                yield from route.fetch(job, is_async)
                if delivery.offset > job.source.last_to_begin or job.abandoned:
                    break  # That took its time.
            event = route.decode(delivery.value)
        except Exception as error:  # noqa: BLE001 - a codec's bug must not end the worker
            calls.undecodable(delivery, job, error)
            if route.fetch is not None:
                break  # It may be an outage, which the next one would wait for as well.
            continue
        if job.failures is not None:
            break  # What is directly before it could not be decoded.
        context = make_context(delivery, producer)
        result: Any = None
        try:
            if not is_async:
                result = variables.copy().run(route.call, event, context)
            elif unchanged:
                result = yield from route.call(event, context)
                unchanged = are_current(variables)
            else:
                result = yield from awaited_in(variables.copy(), route.call, event, context)
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its failure
            context.failure = error
        if result is not None or context.failure is not None:
            if not _settle(calls, context, job, result):
                break
        elif job.abandoned:
            break  # type: ignore[unreachable]  # set meanwhile, as above
        elif context.acks is None:
            job.done += 1
        elif not calls.settle(context, job):
            break


# The same function, for ``await``.
attempt_awaited = types.coroutine(attempt)


def _settle(calls: Calls, context: Context | Batch, job: Job, result: object) -> bool:
    registration = job.registration
    if result is not None:
        try:
            look_at_result(result, context.note, registration.name)
        except Exception as error:  # noqa: BLE001 - as if the handler had raised it
            context.failure = error
    failure = context.failure
    if failure is not None and registration.is_async:
        context.failure = from_outside(failure) or failure
    goes_on = not job.abandoned and calls.settle(context, job)
    if failure is not None and registration.is_async and ends_the_process(failure):
        raise failure
    return goes_on
