"""A handler that is stopped from outside has not failed: its event is held."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.consumer.workers.tasks import TaskWorkers
from pat_events.errors import HoldError
from pat_events.events import EmailReceived

ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def loop():
    """A running event loop of the application's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Gate:
    """Lets the first calls wait, until somebody cancels them."""

    def __init__(self, waiting):
        self.waiting = waiting
        self.calls = []

    async def pass_through(self, event, ctx):
        self.calls.append((event.email_id, ctx.attempt))
        if len(self.calls) <= self.waiting:
            await asyncio.Event().wait()


def cancel_all(loop):
    async def cancel():
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    asyncio.run_coroutine_threadsafe(cancel(), loop).result(10)


def handlers_of(handle, *, many=False, **settings):
    handlers = Handlers()
    settings = {"retry": ONCE, **settings}
    if many:

        async def batch(pairs):
            await handle(*pairs[0])

        handlers.batch(EmailReceived, max_events=1, **settings)(batch)
    else:
        handlers.add(EmailReceived, handle, **settings)
    return handlers


def started_on(loop, live, handlers, **settings):
    group = live.group(handlers, started=False, **settings)
    group.start(loop)
    live._stack.callback(group.stop)
    return group


@pytest.mark.parametrize("many", [False, True])
def test_a_handler_task_that_the_application_cancels_is_held(live, wait_until, loop, many):
    gate = Gate(1)
    handlers = handlers_of(gate.pass_through, many=many)
    live.publish("a")
    group = started_on(loop, live, handlers, order="partition")
    wait_until(lambda: gate.calls)
    cancel_all(loop)
    wait_until(lambda: group.stats().handled == 1)
    assert gate.calls == [("a", 1)] * 2
    assert (group.stats().held, live.dead) == (1, [])


class GoneError(Exception):
    """What a handler makes of its cancellation."""


@pytest.mark.parametrize("how", ["from", "while handling", "in the cleanup"])
def test_an_error_that_a_handler_makes_of_the_cancellation_is_held_as_well(
    live, wait_until, loop, how
):
    gate = Gate(1)

    @contextlib.asynccontextmanager
    async def connection():
        try:
            yield
        except asyncio.CancelledError as cancelled:
            if how == "from":
                raise GoneError from cancelled
            if how == "while handling":
                raise GoneError  # noqa: B904 - that is the case
            raise
        finally:
            if how == "in the cleanup" and len(gate.calls) == 1:
                raise GoneError

    async def handle(event, ctx):
        async with connection():
            await gate.pass_through(event, ctx)

    live.publish("a")
    group = started_on(loop, live, handlers_of(handle))
    wait_until(lambda: gate.calls)
    cancel_all(loop)
    wait_until(lambda: group.stats().handled == 1)
    assert (group.stats().held, live.dead) == (1, [])


def test_a_task_that_is_cancelled_before_it_began_is_held(stage):
    calls = []

    async def handle(event, ctx):
        calls.append(event.subject)

    member = stage.member(handlers_of(handle))
    stage.publish("a/1", "a/2")
    member.step()
    posted = []

    async def main():
        workers = TaskWorkers(1, asyncio.get_running_loop(), None, posted.append)
        workers.submit(member.workers.ready)
        await asyncio.sleep(0)  # its loop begins
        (task,) = workers._tasks.values()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0)  # its callbacks
        assert workers._tasks == {}

    asyncio.run(main())
    (job,) = posted
    ((index, error),) = job.failures
    assert (calls, job.done, index) == ([], 0, 0)
    assert isinstance(error, HoldError)


def test_jobs_that_the_group_cancels_itself_are_not_posted(stage):
    async def handle(event, ctx):
        raise AssertionError

    member = stage.member(handlers_of(handle))
    stage.publish("a", "b")
    member.step()
    posted = []

    async def main():
        workers = TaskWorkers(1, asyncio.get_running_loop(), None, posted.append)
        workers.submit(member.workers.ready)
        await asyncio.sleep(0)  # its loop begins
        tasks = list(workers._tasks.values())
        workers._cancel_all()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # their callbacks
        assert workers._tasks == {}

    asyncio.run(main())
    assert posted == []


def test_the_end_of_asyncio_run_makes_no_dead_letter_and_ends_the_group(live, wait_until):
    gate = Gate(100)
    live.publish(*"abcdefgh")
    group = live.group(handlers_of(gate.pass_through), started=False, max_tasks=4)

    async def main():
        group.start(asyncio.get_running_loop())
        await asyncio.to_thread(wait_until, lambda: len(gate.calls) == 4)

    asyncio.run(main())
    wait_until(lambda: not group.running)
    with pytest.raises(HoldError, match=r"the event loop .* is closed: stop the group before"):
        group.stop()
    assert (live.dead, live.committed <= 0) == ([], True)
    assert group.stats().retried == 0


@pytest.mark.parametrize("how", ["raised", "of a child"])
def test_a_cancellation_that_the_handler_caused_is_its_failure(live, wait_until, header, how):
    async def handle(event, ctx):
        if how == "raised":
            raise asyncio.CancelledError
        child = asyncio.ensure_future(asyncio.sleep(60))
        child.cancel()
        await child

    live.publish("a")
    group = live.group(handlers_of(handle))
    wait_until(lambda: live.committed == 1)
    assert header(live.dead[0], "pat-dlq-error-class").endswith("CancelledError")
    assert group.stats().held == 0


def test_a_deadline_is_still_the_handlers_failure(live, wait_until, header):
    gate = Gate(1)
    live.publish("a")
    group = live.group(handlers_of(gate.pass_through, timeout_s=0.1))
    wait_until(lambda: live.committed == 1)
    assert header(live.dead[0], "pat-dlq-reason") == "timeout"
    assert group.stats().held == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("many", [False, True])
def test_what_ends_the_process_ends_it_and_is_no_fault_of_the_handler_it_meets(
    live, wait_until, error, many
):
    calls = []

    def end(number, frame):
        raise error

    async def handle(event, ctx):
        calls.append(ctx.attempt)
        signal.raise_signal(signal.SIGTERM)

    live.publish("a")
    group = live.group(handlers_of(handle, many=many), started=False, order="partition")
    before = signal.signal(signal.SIGTERM, end)

    async def main():
        group.start(asyncio.get_running_loop())
        await asyncio.sleep(10)

    try:
        with pytest.raises(error):
            asyncio.run(main())
    finally:
        signal.signal(signal.SIGTERM, before)
    wait_until(lambda: not group.running)
    with pytest.raises(HoldError, match="is closed"):
        group.stop()
    assert (calls, live.dead) == ([1], [])
    assert (group.stats().held > 0, group.stats().retried) == (True, 0)


def test_when_the_loop_is_closed_every_job_comes_back_held_so_that_none_is_waited_for(stage):
    async def handle(event, ctx):
        raise AssertionError

    member = stage.member(handlers_of(handle))
    stage.publish("a", "b")
    member.step()
    first, second = member.workers.ready
    loop = asyncio.new_event_loop()
    posted = []
    workers = TaskWorkers(0, loop, None, posted.append)  # none starts
    workers.submit([first])
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    with pytest.raises(HoldError, match="is closed"):
        workers.submit([second])
    assert posted == [first, second]
    assert [job.failures[0][0] for job in posted] == [0, 0]
