"""Calling batch handlers: the deliveries of a job in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.consumer.cancellation import from_outside
from pat_events.consumer.context import Context
from pat_events.consumer.results import look_at_result
from pat_events.core.recovery.verdict import holds_back
from pat_events.producer.ack import ends_the_process

if TYPE_CHECKING:
    from contextvars import Context as Variables

    from google.protobuf.message import Message

    from pat_events.consumer.job import Job
    from pat_events.producer.producer import Producer


def run_batch(job: Job, producer: Producer | None, variables: Variables) -> bool:
    """Call the handler of a batch in this thread; returns whether it is still wanted."""
    indexes, pairs = _decode(job, producer)
    raised: BaseException | None = None
    try:
        if pairs:
            route = job.deliveries[0].route
            result = variables.copy().run(route.call, pairs)
            if result is not None:
                look_at_result(result, _not_failed(pairs), route.registration.name)
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its failure
        raised = error
    return _outcome(job, indexes, pairs, raised)


async def run_batch_async(job: Job, producer: Producer | None) -> bool:
    """Await the handler of a batch; returns whether it is still wanted. Raises as ``run_async``."""
    indexes, pairs = _decode(job, producer)
    try:
        if pairs:
            route = job.deliveries[0].route
            result = await route.call(pairs)
            if result is not None:
                look_at_result(result, _not_failed(pairs), route.registration.name)
    except BaseException as error:
        wanted = _outcome(job, indexes, pairs, from_outside(error) or error)
        if ends_the_process(error):
            raise
        return wanted
    return _outcome(job, indexes, pairs, None)


def _decode(job: Job, producer: Producer | None) -> tuple[list[int], list[tuple[Message, Context]]]:
    failures: list[tuple[int, BaseException]] = []
    indexes: list[int] = []
    pairs: list[tuple[Message, Context]] = []
    for index, delivery in enumerate(job.deliveries):
        route = delivery.route
        try:
            event = route.decode(delivery.value)
        except Exception as error:  # noqa: BLE001 - a codec's bug must not end the worker
            failures.append((index, route.undecodable(delivery, error)))
        else:
            indexes.append(index)
            pairs.append((event, Context(delivery, producer)))
    job.failures = failures
    return indexes, pairs


def _not_failed(pairs: list[tuple[Message, Context]]) -> Context:
    # The acknowledgement of what stands for a whole batch is waited for with its first event; what
    # a failed one published is published again.
    contexts = [context for _, context in pairs]
    return next((context for context in contexts if context.failure is None), contexts[0])


def _outcome(
    job: Job,
    indexes: list[int],
    pairs: list[tuple[Message, Context]],
    raised: BaseException | None,
) -> bool:
    if job.abandoned:
        return False
    failures = job.failures or []
    if raised is not None and len(pairs) > 1 and not holds_back(raised, job.registration.retry):
        job.raised = raised
    for index, (_, context) in zip(indexes, pairs, strict=True):
        # Not "or": an error's class may say that it is false.
        error = context.failure if raised is None else raised
        if error is not None:
            failures.append((index, error))
        elif context.acks is not None:
            job.note_acks(index, context)
    job.failures = sorted(failures, key=lambda failure: failure[0]) or None
    job.done = len(job.deliveries)
    return True
