"""The handlers of every schedule: a function, a coroutine and a batch for each of two topics.

They are made once, and ask the world of the schedule that runs what becomes of an event.
"""

from __future__ import annotations

from pathlib import Path

from pat_events import Handlers, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.routes import Routes
from pat_events.events import (
    EmailProcessed,
    EmailReceived,
    EmailValidated,
    PluginExecutionCompleted,
    PluginExecutionRequired,
    TenantEvent,
    WorkflowTriggered,
)
from pat_events.testing.simulation import pause

CATALOG_FILE = Path(__file__).with_name("catalog.yaml")
CATALOG = load_catalog(CATALOG_FILE)
OUTPUT = "outputs"
KINDS = {
    "letters": (EmailReceived, EmailValidated, EmailProcessed),
    "tasks": (WorkflowTriggered, PluginExecutionRequired, PluginExecutionCompleted),
}
TIMEOUT_S = 5.0
BATCH = 4
POLICY = RetryPolicy(attempts=3, first_delay_s=0.5)
PARTS = 2

world = None


def follow_up(ctx, part):
    """What a handler publishes: the event, and headers that say because of what."""
    return TenantEvent(tenant_id="t"), {"for": f"{tuple(ctx.position)}/{part}".encode()}


def function(event, ctx):
    world.begin([ctx])
    world.meanwhile()
    if error := world.failure(ctx):
        raise error
    with world.refusals([ctx]):
        acks = [_publish(ctx, part) for part in world.parts(ctx)]
    world.handled(ctx, acks)


def _publish(ctx, part):
    event, headers = follow_up(ctx, part)
    return ctx.publish(event, headers=headers)


async def coroutine(event, ctx):
    world.begin([ctx])
    with world.refusals([ctx]):
        await pause()
    if error := world.failure(ctx):
        raise error
    acks = []
    with world.refusals([ctx]):
        for part in world.parts(ctx):
            follow, headers = follow_up(ctx, part)
            acks.append(await ctx.apublish(follow, headers=headers))
            await pause()
    world.handled(ctx, acks)


def batch(pairs):
    world.begin([ctx for _, ctx in pairs])
    world.meanwhile()
    _settle_batch([ctx for _, ctx in pairs])


async def async_batch(pairs):
    contexts = [ctx for _, ctx in pairs]
    world.begin(contexts)
    with world.refusals(contexts):
        await pause()
    _settle_batch(contexts)


def _settle_batch(contexts):
    if error := world.failure_of_all(contexts):
        raise error
    with world.refusals(contexts):
        done = [
            (ctx, [_publish(ctx, part) for part in world.parts(ctx)])
            for ctx in contexts
            if not world.is_to_fail(ctx)
        ]
    for ctx, acks in done:
        world.handled(ctx, acks)
    for ctx in contexts:
        if error := world.failure(ctx):
            ctx.fail(error)


def _routes():
    handlers = Handlers()
    settings = {"retry": POLICY, "timeout_s": TIMEOUT_S}
    for plain, awaited, many in KINDS.values():
        handlers.add(plain, function, **settings)
        handlers.add(awaited, coroutine, **settings)
        handle = batch if many is EmailProcessed else async_batch
        handlers.batch(many, max_events=BATCH, **settings)(handle)
    return Routes(handlers, EventTypes(CATALOG), 100_000)


ROUTES = _routes()
