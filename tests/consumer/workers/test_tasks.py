"""Handlers that are coroutines: which task calls them, and when."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import count as ticking

from pat_events import Handlers
from pat_events.consumer.workers.tasks import TaskWorkers
from pat_events.events import EmailReceived


async def until_awaited(done):
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 - what it asks for says nothing
            await asyncio.sleep(0.001)


class Member:
    """A pool with a job for each of some events, on the running loop."""

    def __init__(self, stage, handle, *events, count=10, clock=time.monotonic):
        handlers = Handlers()
        handlers.add(EmailReceived, handle)
        member = stage.member(handlers, while_waiting=lambda _: None)
        stage.publish(*events)
        member.step()
        self.posted = []
        loop = asyncio.get_running_loop()
        self.pool = TaskWorkers(count, loop, None, self.posted.append, clock)
        self.jobs = member.workers.take_back()
        assert len(self.jobs) == len(events)
        self.pool.submit(self.jobs)


def test_handlers_that_wait_for_nothing_share_a_task(stage):
    tasks = set()

    async def handle(event, ctx):
        tasks.add(asyncio.current_task())

    async def run():
        member = Member(stage, handle, *map(str, range(20)))
        await until_awaited(lambda: len(member.posted) == 20)
        assert [job.done for job in member.posted] == [1] * 20

    asyncio.run(run())
    assert len(tasks) == 1


def test_handlers_that_wait_run_side_by_side_as_many_as_there_may_be(stage):
    async def run():
        at_work = []
        go_on = asyncio.Event()

        async def handle(event, ctx):
            at_work.append(event.email_id)
            await go_on.wait()

        member = Member(stage, handle, *map(str, range(20)), count=8)
        await until_awaited(lambda: len(at_work) == 8)
        await asyncio.sleep(0)
        assert member.pool.at_work == len(at_work) == 8
        go_on.set()
        await until_awaited(lambda: len(member.posted) == 20)
        assert sorted(at_work, key=int) == list(map(str, range(20)))

    asyncio.run(run())


def test_a_loop_serves_others_while_many_handlers_that_wait_for_nothing_are_called(stage):
    async def run():
        ticks = []
        loop = asyncio.get_running_loop()

        async def handle(event, ctx):
            if event.email_id == "0":
                loop.call_soon(ticks.append, "turn")
            ticks.append(event.email_id)

        clock = ticking()
        # By this clock each call takes a second.
        member = Member(stage, handle, "0", "1", "2", clock=lambda: next(clock))
        await until_awaited(lambda: len(member.posted) == 3)
        assert ticks == ["0", "turn", "1", "2"]

    asyncio.run(run())


def test_a_task_whose_handler_took_its_cancellation_for_itself_calls_no_other(stage):
    tasks = {}

    async def run():
        async def handle(event, ctx):
            tasks[event.email_id] = asyncio.current_task()
            if event.email_id == "0":
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()

        member = Member(stage, handle, "0", "1", count=1)
        await until_awaited(lambda: "0" in tasks)
        tasks["0"].cancel()
        await until_awaited(lambda: len(member.posted) == 2)

    asyncio.run(run())
    assert tasks["0"] is not tasks["1"]


def test_a_cancellation_that_comes_late_is_not_the_next_jobs(stage):
    async def run():
        go_on = {"0": asyncio.Event(), "1": asyncio.Event()}
        begun = []

        async def handle(event, ctx):
            begun.append(event.email_id)
            await go_on[event.email_id].wait()

        member = Member(stage, handle, "0", "1", count=1)
        await until_awaited(lambda: begun == ["0"])
        member.pool.overdue(0.0)
        go_on["0"].set()
        # Its handler returns in this turn of the loop, before it is cancelled.
        assert member.pool.overdue(1e9) == [member.jobs[0]]
        await until_awaited(lambda: begun == ["0", "1"])
        for _ in range(3):
            await asyncio.sleep(0)
        go_on["1"].set()
        await until_awaited(lambda: len(member.posted) == 1)
        assert (member.posted, member.posted[0].failures) == ([member.jobs[1]], None)

    asyncio.run(run())
