"""The engine of one invocation, with a clock and randomness that are handed in."""

from __future__ import annotations

import time

from pat_events import Config, Handlers, RetryPolicy
from pat_events.consumer.function.wiring import make_engine
from pat_events.consumer.setup import Setup
from pat_events.consumer.workers.inbox import Inbox
from pat_events.events import EmailReceived
from pat_events.telemetry import Retried
from pat_events.telemetry.observer import Origin
from pat_events.transports.aws.invocations import read_invocation
from pat_events.transports.aws.unwrap import Unwrapping
from tests.support.invocations import body, sqs


def test_what_becomes_of_a_failure_is_decided_with_the_clock_and_randomness_handed_in():
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(first_delay_s=20.0, jitter=0.5))
    def handle(event, ctx):
        raise ValueError

    waits = []

    class Observer:
        def saw(self, what):
            if isinstance(what, Retried):
                waits.append(what.wait_s)

    origin = Origin("aws_sqs", "f")
    setup = Setup.of(
        handlers,
        Config(),
        origin,
        payloads=None,
        max_threads=1,
        max_tasks=1,
        dead_letter_limit=None,
        observers=[Observer()],
        tracing=None,
        dedupe=None,
    )
    inbox = Inbox()
    workers = setup.workers(None, inbox.put, None)
    invocation = read_invocation(sqs(body("a")), Unwrapping(setup.types.catalog), None)
    engine = make_engine(
        invocation,
        setup.routes,
        workers=workers,
        inbox=inbox,
        observers=setup.all_observers(),
        origin=origin,
        deadline=time.monotonic() + 10,
        clock=time.monotonic,
        wall_clock=lambda: 1_700_000_000.5,
        random=lambda: 0.25,
    )
    try:
        engine.run()
    finally:
        workers.close(0)
    (delivery,) = engine.unfinished
    assert waits == [17.5]
    assert delivery.first_failed_ms == 1_700_000_000_500
