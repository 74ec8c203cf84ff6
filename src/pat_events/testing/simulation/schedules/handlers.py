"""The handlers of every schedule: a function, a coroutine and a batch for each of two topics.

They are made once, and ask the schedule that runs what becomes of an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.catalog.binding import EventTypes
from pat_events.consumer.handlers import Handlers
from pat_events.consumer.routes import Routes
from pat_events.events import EmailProcessed, TenantEvent
from pat_events.testing.simulation.events import BATCH, CATALOG, KINDS, POLICY, TIMEOUT_S
from pat_events.testing.simulation.workers import pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from pat_events.consumer.context import Context
    from pat_events.producer.ack import Ack
    from pat_events.testing.simulation.schedules.calls import Calls

    Pairs = Sequence[tuple[Message, Context]]

_running: list[Calls] = []


def ask(calls: Calls) -> None:
    """Have the handlers ask this schedule from now on."""
    _running[:] = [calls]


def _follow_up(ctx: Context, part: int) -> tuple[TenantEvent, dict[str, bytes]]:
    """What a handler publishes: the event, and headers that say because of what."""
    return TenantEvent(tenant_id="t"), {"for": f"{ctx.position[:3]}/{part}".encode()}


def _publish(ctx: Context, part: int) -> Ack:
    event, headers = _follow_up(ctx, part)
    return ctx.publish(event, headers=headers)


def _function(event: Message, ctx: Context) -> None:
    del event
    calls = _running[0]
    calls.begin([ctx])
    calls.meanwhile()
    if error := calls.failure(ctx):
        raise error
    with calls.refusals([ctx]):
        acks = [_publish(ctx, part) for part in calls.parts(ctx)]
    calls.handled(ctx, acks)


async def _coroutine(event: Message, ctx: Context) -> None:
    del event
    calls = _running[0]
    calls.begin([ctx])
    with calls.refusals([ctx]):
        await pause()
    if error := calls.failure(ctx):
        raise error
    acks = []
    with calls.refusals([ctx]):
        for part in calls.parts(ctx):
            follow, headers = _follow_up(ctx, part)
            acks.append(await ctx.apublish(follow, headers=headers))
            await pause()
    calls.handled(ctx, acks)


def _batch(pairs: Pairs) -> None:
    calls = _running[0]
    calls.begin([ctx for _, ctx in pairs])
    calls.meanwhile()
    _settle_batch(calls, [ctx for _, ctx in pairs])


async def _async_batch(pairs: Pairs) -> None:
    calls = _running[0]
    contexts = [ctx for _, ctx in pairs]
    calls.begin(contexts)
    with calls.refusals(contexts):
        await pause()
    _settle_batch(calls, contexts)


def _settle_batch(calls: Calls, contexts: list[Context]) -> None:
    if error := calls.failure_of_all(contexts):
        raise error
    with calls.refusals(contexts):
        done = [
            (ctx, [_publish(ctx, part) for part in calls.parts(ctx)])
            for ctx in contexts
            if not calls.is_to_fail(ctx)
        ]
    for ctx, acks in done:
        calls.handled(ctx, acks)
    for ctx in contexts:
        if failure := calls.failure(ctx):
            ctx.fail(failure)


def _routes() -> Routes:
    handlers = Handlers()
    for plain, awaited, many in KINDS.values():
        handlers.add(plain, _function, retry=POLICY, timeout_s=TIMEOUT_S)
        handlers.add(awaited, _coroutine, retry=POLICY, timeout_s=TIMEOUT_S)
        register = handlers.batch(many, max_events=BATCH, retry=POLICY, timeout_s=TIMEOUT_S)
        if many is EmailProcessed:
            register(_batch)
        else:
            register(_async_batch)
    return Routes(handlers, EventTypes(CATALOG), 100_000)


ROUTES: Final = _routes()
