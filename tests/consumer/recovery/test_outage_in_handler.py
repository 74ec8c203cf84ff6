"""An outage met inside a handler holds the event, as one that comes after it returned does."""

from __future__ import annotations

import asyncio

import pytest

from pat_events import Config, Handlers, Producer, RetryPolicy
from pat_events.errors import TransportError
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.transports.memory import MemoryTransport

ONCE = RetryPolicy(attempts=1)


def follow_up(event):
    return EmailProcessed(email_id=event.email_id)


def publishes(producer):
    return lambda event, ctx: ctx.publish(follow_up(event)) and None


def publishes_beside_the_context(producer):
    return lambda event, ctx: producer.publish(follow_up(event)) and None


def waits_for_the_acknowledgement(producer):
    return lambda event, ctx: ctx.publish(follow_up(event)).result(timeout=0) and None


def flushes(producer):
    def handle(event, ctx):
        producer.publish(follow_up(event))
        producer.flush(0)

    return handle


def raises_its_own_error(producer):
    def handle(event, ctx):
        try:
            producer.publish(follow_up(event)).result(timeout=0)
        except Exception as error:
            raise RuntimeError("could not tell the others") from error

    return handle


def publishes_as_coroutine(producer):
    async def handle(event, ctx):
        ctx.publish(follow_up(event))

    return handle


def publishes_with_apublish(producer):
    async def handle(event, ctx):
        await ctx.apublish(follow_up(event))

    return handle


def publishes_beside_the_context_with_apublish(producer):
    async def handle(event, ctx):
        await producer.apublish(follow_up(event))

    return handle


EVERY_WAY = [
    publishes,
    publishes_beside_the_context,
    waits_for_the_acknowledgement,
    flushes,
    raises_its_own_error,
    publishes_as_coroutine,
    publishes_with_apublish,
    publishes_beside_the_context_with_apublish,
]


@pytest.fixture
def impatient(stage):
    """The stage, with a producer that does not wait for room."""
    settings = Config(publish_timeout_s=1e-9)
    stage.producer = Producer(settings, transport=MemoryTransport(stage.broker))
    return stage


@pytest.mark.parametrize("make", EVERY_WAY)
def test_a_full_buffer_inside_a_handler_holds_the_event(impatient, make):
    stage = impatient
    handlers = Handlers()
    handlers.add(EmailReceived, make(stage.producer), retry=ONCE)
    member = stage.member(handlers)
    stage.publish("a", "b")
    member.step()
    sender = stage.producer._sender
    room, sender._max_events = sender._max_events, 0
    for _ in range(3):
        member.turn(40)
    assert (member.stats.held, member.stats.retried, stage.dead) == (6, 0, [])
    sender._max_events = room
    member.run_until(lambda: member.stats.handled == 2, tick_s=10)
    assert stage.dead == []


@pytest.mark.parametrize("make", [waits_for_the_acknowledgement, flushes, raises_its_own_error])
def test_an_acknowledgement_that_does_not_come_inside_a_handler_holds_the_event(stage, make):
    handlers = Handlers()
    handlers.add(EmailReceived, make(stage.producer), retry=ONCE)
    member = stage.member(handlers)
    stage.publish("a")
    member.step()
    stage.broker.set_down(down=True)
    for _ in range(3):
        member.turn(40)
    assert (member.stats.held, member.stats.retried) == (3, 0)
    stage.broker.set_down(down=False)
    member.run_until(lambda: member.stats.handled == 1, tick_s=10)
    assert stage.dead == []


def test_an_acknowledgement_that_failed_holds_the_event_that_waits_for_it(stage):
    append, refusals = stage.broker.append, [TransportError("lost")]

    def append_or_not(outgoing):
        if refusals and outgoing.headers["ce_type"].endswith(b"EmailProcessed"):
            raise refusals.pop()
        return append(outgoing)

    stage.broker.append = append_or_not
    attempts = []

    def handle(event, ctx):
        attempts.append(ctx.attempt)
        ctx.publish(follow_up(event)).result()

    handlers = Handlers()
    handlers.add(EmailReceived, handle, retry=ONCE)
    member = stage.member(handlers)
    stage.publish("a")
    member.run_until(lambda: member.stats.handled == 1)
    assert (attempts, member.stats.held, stage.dead) == ([1, 1], 1, [])


@pytest.mark.parametrize("is_async", [False, True])
def test_an_outage_inside_a_batch_is_none_of_its_events_attempts(impatient, is_async):
    stage = impatient
    seen = []

    def handle(pairs):
        seen.append([(event.email_id, ctx.attempt) for event, ctx in pairs])
        for event, ctx in pairs:
            ctx.publish(follow_up(event))

    async def handle_async(pairs):
        handle(pairs)

    handlers = Handlers()
    handlers.batch(EmailReceived, retry=ONCE)(handle_async if is_async else handle)
    member = stage.member(handlers, order="partition")
    stage.publish("a", "b")
    member.step()
    sender = stage.producer._sender
    room, sender._max_events = sender._max_events, 0
    for _ in range(3):
        member.turn(40)
    sender._max_events = room
    member.run_until(lambda: member.stats.handled == 2, tick_s=10)
    assert stage.dead == []
    # Alone after the first failure, so that an event held for its own sake holds no other.
    assert seen[0] == [("a", 1), ("b", 1)]
    assert {attempt for batch in seen for _, attempt in batch} == {1}
    assert max(map(len, seen[1:])) == 1


def test_a_task_group_in_which_publishing_failed_is_held(live, wait_until):
    calls = []

    async def refused_once(ctx):
        calls.append(ctx.attempt)
        if len(calls) == 1:
            raise TransportError("lost")

    handlers = Handlers()

    @handlers.on(EmailReceived, retry=ONCE)
    async def handle(event, ctx):
        async with asyncio.TaskGroup() as group:
            group.create_task(refused_once(ctx))

    live.publish("a")
    group = live.group(handlers)
    wait_until(lambda: group.stats().handled)
    assert (calls, group.stats().held, live.dead) == ([1, 1], 1, [])
