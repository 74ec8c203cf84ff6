"""Jobs that start, pause, go on and end when a test says so."""

from __future__ import annotations

import asyncio

import pytest

from pat_events import Handlers, load_catalog
from pat_events.catalog.binding import EventTypes
from pat_events.consumer.routes import Routes
from pat_events.core.headers import CE_TYPE
from pat_events.events import EmailReceived
from pat_events.testing.simulation import Member, VirtualClock, pause
from pat_events.transports.memory import MemoryBroker
from pat_events.transports.sending import Outgoing

TIMEOUT_S = 10.0


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def begin(clock):
    """Starts the one job of a member that has three events of one key."""

    def begin(handler):
        broker = MemoryBroker(clock=clock)
        broker.create_topic("pat-emails", 1)
        broker.create_topic("pat-emails.email-processor.dlq", 1)
        for number in range(3):
            value = EmailReceived(email_id="e-1", subject=str(number)).SerializeToString()
            headers = [(CE_TYPE, b"pat.events.v1.EmailReceived")]
            broker.append(Outgoing("pat-emails", b"e-1", value, headers, 1))
        handlers = Handlers()
        handlers.add(EmailReceived, handler, timeout_s=TIMEOUT_S)
        routes = Routes(handlers, EventTypes(load_catalog()), 1_000)
        member = Member(broker, "email-processor", routes, clock)
        member.step()
        (job,) = member.workers.ready
        member.workers.start(job)
        return member, job

    return begin


class Pausing:
    """A coroutine handler that pauses in the middle, and writes down what it came to."""

    def __init__(self):
        self.came_to = []

    async def handle(self, event, ctx):
        self.came_to.append(f"begin {event.subject}")
        try:
            await pause()
        except asyncio.CancelledError:
            self.came_to.append(f"cancelled {event.subject}")
            raise
        self.came_to.append(f"end {event.subject}")


@pytest.fixture
def pausing():
    return Pausing()


def test_a_coroutine_goes_on_from_pause_to_pause(begin, pausing):
    member, job = begin(pausing)
    member.workers.advance(job)
    assert pausing.came_to == ["begin 0"]
    member.workers.advance(job)
    assert pausing.came_to == ["begin 0", "end 0", "begin 1"]
    assert member.workers.paused == [job]
    member.workers.finish(job)
    assert pausing.came_to[3:] == ["end 1", "begin 2", "end 2"]
    member.step()
    assert member.stats.handled == 3


def test_events_that_take_long_together_are_not_given_up(begin, pausing, clock):
    member, job = begin(pausing)
    for number in range(3):
        member.workers.advance(job)
        clock.advance(TIMEOUT_S - 0.2)
        member.step()
        assert not job.abandoned
        member.workers.advance(job)  # ends the event, and gives the others back
        member.step()
        assert member.stats.handled == number + 1
        for job in member.workers.ready:
            member.workers.start(job)
    assert [it for it in pausing.came_to if it.startswith("end")] == ["end 0", "end 1", "end 2"]


def test_a_job_that_was_given_up_is_cancelled_at_its_pause(begin, pausing, clock):
    member, job = begin(pausing)
    member.workers.advance(job)
    clock.advance(TIMEOUT_S)
    member.step()
    member.workers.advance(job)
    assert pausing.came_to == ["begin 0", "cancelled 0"]
    assert job not in member.workers.running


def test_a_coroutine_that_was_given_up_before_it_began_is_not_called(begin, pausing, clock):
    member, job = begin(pausing)
    clock.advance(TIMEOUT_S)
    member.step()
    member.workers.finish(job)
    assert pausing.came_to == []


def test_a_cancellation_from_outside_ends_the_call_and_is_settled(begin, pausing):
    member, job = begin(pausing)
    member.workers.advance(job)
    member.workers.cancel(job)
    assert pausing.came_to == ["begin 0", "cancelled 0"]
    member.step()
    assert (member.stats.handled, member.stats.in_flight) == (0, 3)
