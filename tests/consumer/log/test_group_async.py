"""A group within an event loop that has other things to do: ``async with``, and ``astop``."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from pat_events import Handlers, NotDrainedError, OffsetOutOfRangeError
from pat_events.events import EmailProcessed, EmailReceived

TOPIC = "pat-emails"


def run(main):
    return asyncio.run(asyncio.wait_for(main, 10))


def test_async_with_runs_coroutine_handlers_on_the_running_loop_and_drains_at_its_end(live):
    loops = []
    begun = asyncio.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        begun.set()
        await asyncio.sleep(0.2)
        await ctx.apublish(EmailProcessed(email_id=event.email_id))
        loops.append(asyncio.get_running_loop())

    live.publish("a")
    group = live.group(handlers, started=False)

    async def main():
        async with group as entered:
            assert entered is group
            assert group.running
            await begun.wait()
        assert not group.running
        return asyncio.get_running_loop()

    loop = run(main())
    assert loops == [loop]
    assert live.committed == 1


def test_a_plain_handler_sees_the_variables_of_whoever_entered(live):
    seen = []
    variable = ContextVar("variable", default="")
    handled = threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        seen.append(variable.get())
        handled.set()

    live.publish("a")

    async def main():
        variable.set("set")
        async with live.group(handlers, started=False):
            await asyncio.to_thread(handled.wait, 10)

    run(main())
    assert seen == ["set"]


def test_neither_end_waits_for_the_loops_own_threads(live):
    handled, finish = asyncio.Event(), threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        handled.set()

    live.publish("a")

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, finish.wait)
        try:
            async with live.group(handlers, started=False):
                await handled.wait()
        finally:
            finish.set()
            await busy

    run(main())
    assert live.committed == 1


def test_cancelling_the_block_drains(live):
    begun, entered = asyncio.Event(), asyncio.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        begun.set()
        await asyncio.sleep(0.2)

    live.publish("a")
    group = live.group(handlers, started=False)

    async def block():
        async with group:
            entered.set()
            await asyncio.Event().wait()

    async def main():
        task = asyncio.create_task(block())
        await begun.wait()
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not group.running

    run(main())
    assert live.committed == 1


def test_cancelling_while_it_starts_leaves_nothing_running(live, wait_until):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    group = live.group(handlers, started=False)
    asked, answer = live.slow_start(group)

    async def main():
        entering = asyncio.create_task(group.__aenter__())
        await asyncio.to_thread(asked.wait, 10)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        answer.set()

    run(main())
    wait_until(lambda: group._thread is not None and not group.running)


def test_a_coroutine_handler_that_awaits_astop_is_not_waited_for_by_itself(live, wait_until):
    stopped = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        await group.astop()
        stopped.append(event.email_id)

    live.publish("a")
    group = live.group(handlers, started=False)

    async def main():
        async with group:
            await asyncio.to_thread(wait_until, lambda: not group.running)

    run(main())
    assert (stopped, live.committed) == (["a"], 1)


def test_astop_returns_within_the_time_it_is_given(live):
    begun, finish = asyncio.Event(), asyncio.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        begun.set()
        await finish.wait()

    live.publish("a")
    group = live.group(handlers, started=False, drain_timeout_s=60)

    async def main():
        group.start(asyncio.get_running_loop())
        await begun.wait()
        with pytest.raises(NotDrainedError, match=r"did not stop within 0\.1 s"):
            await group.astop(0.1)
        finish.set()

    run(main())


def test_astop_of_a_group_that_was_never_started_returns(live):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    run(live.group(handlers, started=False).astop())


def test_leaving_raises_what_had_stopped_the_group(live, wait_until):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    live.publish("a", "b")
    group = live.group(handlers, started=False)
    live.broker.group("email-processor").committed[TOPIC, 0] = 0
    live.broker.delete_records(TOPIC, 0, 2)

    async def main():
        async with group:
            await asyncio.to_thread(wait_until, lambda: not group.running)

    with pytest.raises(OffsetOutOfRangeError):
        run(main())
