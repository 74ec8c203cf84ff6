"""A simulation that cannot go on says so with this package's errors."""

from __future__ import annotations

import asyncio

import pytest

from pat_events import Handlers, load_catalog
from pat_events.catalog.binding import EventTypes
from pat_events.consumer.routes import Routes
from pat_events.core.headers import CE_TYPE
from pat_events.errors import ConfigError, TransportTimeoutError
from pat_events.events import EmailReceived
from pat_events.testing.simulation import Member, VirtualClock, pause
from pat_events.transports.memory import MemoryBroker
from pat_events.transports.sending import Outgoing


def member(handler) -> Member:
    """A member that has one event to handle."""
    clock = VirtualClock()
    broker = MemoryBroker(clock=clock)
    broker.create_topic("pat-emails", 1)
    headers = [(CE_TYPE, b"pat.events.v1.EmailReceived")]
    value = EmailReceived(email_id="e-1").SerializeToString()
    broker.append(Outgoing("pat-emails", b"e-1", value, headers, 1))
    handlers = Handlers()
    handlers.add(EmailReceived, handler)
    routes = Routes(handlers, EventTypes(load_catalog()), 1_000)
    return Member(broker, "email-processor", routes, clock)


def test_a_wait_for_what_never_happens_ends() -> None:
    stepped = member(lambda event, ctx: None)
    with pytest.raises(TransportTimeoutError, match=r"not done after 3 turns of 0\.1 s"):
        stepped.run_until(lambda: False, turns=3)
    assert stepped.stats.handled == 1


def test_a_coroutine_that_awaits_something_real_is_refused() -> None:
    async def handle(event, ctx) -> None:
        await asyncio.sleep(0)

    with pytest.raises(ConfigError, match="awaited something real"):
        member(handle).run_until(lambda: False)


def test_a_coroutine_cancelled_from_outside_is_held_as_by_an_event_loop() -> None:
    attempts = []

    async def handle(event, ctx) -> None:
        attempts.append(ctx.attempt)
        await pause()

    stepped = member(handle)
    stepped.step()
    (job,) = stepped.workers.ready
    stepped.workers.start(job)
    stepped.workers.advance(job)
    stepped.workers.cancel(job)
    stepped.step()
    assert (stepped.stats.held, stepped.stats.retried) == (1, 0)
    stepped.run_until(lambda: stepped.stats.handled == 1)
    assert attempts == [1, 1]
