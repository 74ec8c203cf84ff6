"""What an execution environment keeps from one invocation to the next, and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading

import pytest

from pat_events import Handlers, RetryPolicy, WorkersExhaustedError, lambda_handler
from pat_events.events import EmailReceived
from tests.support.invocations import LambdaContext, body, sqs
from tests.support.waiting import until

ONCE = RetryPolicy(attempts=1)
HANGING = [body(f"hangs-{n}") for n in range(32)]


def failed(answer):
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


@pytest.fixture
def release():
    """Lets all that hangs go on, at the end at the latest."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def handler(release):
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=ONCE)
    def handle(event, ctx):
        if event.email_id.startswith("hangs"):
            release.wait(60)

    return lambda_handler(handlers, max_threads=16)


def hang(handler, count):
    return handler(sqs(*HANGING[:count]), LambdaContext(0.8))


def test_what_hangs_is_counted_over_invocations_and_told(handler, caplog):
    hang(handler, 2)
    hang(handler, 3)
    told = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert told == [
        f"{count} calls of handlers still hang after their invocation; with 32 of them the process "
        "is ended"
        for count in (2, 5)
    ]


def test_with_too_much_that_hangs_nothing_is_begun(handler, release):
    # Twice, where the machine lets each begin all of them in time.
    def hang_on():
        for _ in range(10):
            hang(handler, 16)

    with pytest.raises(WorkersExhaustedError, match="calls of handlers never returned"):
        hang_on()


def test_what_has_returned_does_not_hang(handler, release):
    before = set(threading.enumerate())  # Those of other tests may wait for jobs.
    for _ in range(2):
        hang(handler, 16)
    release.set()
    for thread in set(threading.enumerate()) - before:
        if thread.name == "pat-events-worker":
            thread.join(10)
    assert failed(handler(sqs(body("a")), LambdaContext())) == []


def test_a_loop_that_a_coroutine_blocks_is_left_behind(release):
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=ONCE)
    async def handle(event, ctx):
        if event.email_id == "blocks":
            release.wait(60)

    handler = lambda_handler(handlers)
    assert failed(handler(sqs(body("blocks")), LambdaContext(0.3))) == ["m-0"]
    assert failed(handler(sqs(body("a")), LambdaContext(10))) == []


def test_calls_in_threads_of_the_loop_that_hang_leave_threads_to_the_next(release, caplog):
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=ONCE)
    async def handle(event, ctx):
        hangs = event.email_id.startswith("hangs")
        await asyncio.to_thread(release.wait if hangs else str, 60)

    handler = lambda_handler(handlers)
    assert len(failed(handler(sqs(*HANGING), LambdaContext(0.5)))) == 32
    assert failed(handler(sqs(body("a")), LambdaContext(10))) == []
    assert "calls of handlers still hang" in caplog.text


def test_coroutines_that_ignore_their_cancellation_are_counted_an_invocation_later(release):
    handlers, ended = Handlers(), []

    @handlers.on(EmailReceived, retry=ONCE)
    async def handle(event, ctx):
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)
        ended.append(event)

    handler = lambda_handler(handlers)
    assert len(failed(handler(sqs(*HANGING), LambdaContext(0.4)))) == 32

    # Once more, where the machine lets each begin all of them in time.
    def hang_on():
        for _ in range(20):
            handler(sqs(*HANGING), LambdaContext(0.4))

    with pytest.raises(WorkersExhaustedError, match="calls of handlers never returned"):
        hang_on()
    release.set()
    until(lambda: len(ended) >= 32)
