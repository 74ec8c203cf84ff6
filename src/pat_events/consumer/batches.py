"""Calling batch handlers: the deliveries of a work in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.acknowledgement import ends_the_process
from pat_events.consumer.callables import look_at_result
from pat_events.consumer.cancellation import from_outside
from pat_events.consumer.context import Context
from pat_events.core.verdict import holds_back

if TYPE_CHECKING:
    from contextvars import Context as Variables

    from google.protobuf.message import Message

    from pat_events.consumer.work import Work
    from pat_events.producer import Producer


def run_batch(work: Work, producer: Producer | None, variables: Variables) -> bool:
    """Call the handler of a batch in this thread; returns whether it is still wanted."""
    indexes, pairs = _decode(work, producer)
    raised: BaseException | None = None
    try:
        if pairs:
            route = work.deliveries[0].route
            result = variables.copy().run(route.call, pairs)
            if result is not None:
                look_at_result(result, _not_failed(pairs), route.registration.name)
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its failure
        raised = error
    return _outcome(work, indexes, pairs, raised)


async def run_batch_async(work: Work, producer: Producer | None) -> bool:
    """Await the handler of a batch; returns whether it is still wanted. Raises as ``run_async``."""
    indexes, pairs = _decode(work, producer)
    try:
        if pairs:
            route = work.deliveries[0].route
            result = await route.call(pairs)
            if result is not None:
                look_at_result(result, _not_failed(pairs), route.registration.name)
    except BaseException as error:
        wanted = _outcome(work, indexes, pairs, from_outside(error) or error)
        if ends_the_process(error):
            raise
        return wanted
    return _outcome(work, indexes, pairs, None)


def _decode(
    work: Work, producer: Producer | None
) -> tuple[list[int], list[tuple[Message, Context]]]:
    failures: list[tuple[int, BaseException]] = []
    indexes: list[int] = []
    pairs: list[tuple[Message, Context]] = []
    for index, delivery in enumerate(work.deliveries):
        route = delivery.route
        try:
            event = route.decode(delivery.value)
        except Exception as error:  # noqa: BLE001 - a codec's bug must not end the worker
            failures.append((index, route.undecodable(delivery, error)))
        else:
            indexes.append(index)
            pairs.append((event, Context(delivery, producer)))
    work.failures = failures
    return indexes, pairs


def _not_failed(pairs: list[tuple[Message, Context]]) -> Context:
    # The acknowledgement of what stands for a whole batch is waited for with its first event; what
    # a failed one published is published again.
    contexts = [context for _, context in pairs]
    return next((context for context in contexts if context.failure is None), contexts[0])


def _outcome(
    work: Work,
    indexes: list[int],
    pairs: list[tuple[Message, Context]],
    raised: BaseException | None,
) -> bool:
    if work.abandoned:
        return False
    failures = work.failures or []
    if raised is not None and len(pairs) > 1 and not holds_back(raised, work.registration.retry):
        work.raised = raised
    for index, (_, context) in zip(indexes, pairs, strict=True):
        # Not "or": an error's class may say that it is false.
        error = context.failure if raised is None else raised
        if error is not None:
            failures.append((index, error))
        elif context.acks is not None:
            work.note_acks(index, context)
    work.failures = sorted(failures, key=lambda failure: failure[0]) or None
    work.done = len(work.deliveries)
    return True
