"""Deadlines, seen by the workers under a clock of the test's own."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pat_events import Handlers
from pat_events.consumer.workers.tasks import TaskWorkers
from pat_events.consumer.workers.threads import ThreadWorkers
from pat_events.consumer.workers.watch import Watch
from pat_events.errors import WorkersExhaustedError
from pat_events.events import EmailProcessed, EmailReceived

TIMEOUT_S = 10.0


def jobs_of(stage, handle, *email_ids):
    """The jobs that an engine hands out for these events."""
    handlers = Handlers()
    handlers.add(EmailReceived, handle, timeout_s=TIMEOUT_S)
    member = stage.member(handlers)
    stage.publish(*email_ids)
    member.step()
    return list(member.workers.ready)


def test_a_thread_that_is_given_up_is_replaced_also_when_every_one_was(stage, wait_until):
    release = threading.Event()
    begun = []

    def handle(event, ctx):
        begun.append(event.email_id)
        if event.email_id.startswith("hangs"):
            release.wait(30)

    *hanging, third, fourth = jobs_of(stage, handle, "hangs-1", "hangs-2", "c", "d")
    posted = []
    pool = ThreadWorkers(2, None, posted.append)
    pool.submit(hanging)
    pool.wake_idle()  # quick handlers get one thread; the second comes while jobs wait
    wait_until(lambda: len(begun) == 2)
    given_up = list(pool._threads)
    assert pool.overdue(0) == []
    assert pool.overdue(TIMEOUT_S) == hanging
    with pytest.raises(WorkersExhaustedError):
        pool.overdue(TIMEOUT_S)
    release.set()
    wait_until(lambda: not any(each.thread.is_alive() for each in given_up))
    assert pool.overdue(TIMEOUT_S) == []  # nobody hangs any more
    pool.submit([third, fourth])
    wait_until(lambda: len(posted) == 2)
    assert sorted(begun[2:]) == ["c", "d"]
    assert (posted, third.done, fourth.done) == ([third, fourth], 1, 1)
    pool.close()


def test_a_thread_that_is_given_up_is_replaced_while_it_still_hangs(stage, wait_until):
    release = threading.Event()

    def handle(event, ctx):
        if event.email_id == "hangs":
            release.wait(30)

    hanging, *others = jobs_of(stage, handle, "hangs", "b", "c", "d")
    posted = []
    pool = ThreadWorkers(1, None, posted.append)
    pool.submit([hanging])
    wait_until(lambda: any(each.current is hanging for each in pool._threads))
    pool.overdue(0)
    assert pool.overdue(TIMEOUT_S) == [hanging]
    pool.submit(others)
    wait_until(lambda: len(posted) == 3)
    assert posted == others
    release.set()
    pool.close()


def test_a_deadline_is_each_calls_own_and_not_that_of_all_of_a_lane(stage):
    (job,) = jobs_of(stage, lambda event, ctx: None, "a/1", "a/2", "a/3")
    watch = Watch()
    assert [watch.overdue(job, now) for now in (0, 9)] == [False, False]
    job.done = 1
    assert [watch.overdue(job, now) for now in (9, 18)] == [False, False]
    job.done = 2
    assert [watch.overdue(job, now) for now in (18, 27, 28)] == [False, False, True]


def test_a_deadline_is_that_of_the_handler_at_work(stage):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None, timeout_s=10)
    handlers.add(EmailProcessed, lambda event, ctx: None, timeout_s=20)
    member = stage.member(handlers)
    stage.producer.publish(EmailReceived(email_id="a"))
    stage.producer.publish(EmailProcessed(email_id="a"))
    member.step()
    (job,) = member.workers.ready
    watch = Watch()
    assert [watch.overdue(job, now) for now in (0, 9)] == [False, False]
    job.done = 1
    assert [watch.overdue(job, now) for now in (9, 28, 29)] == [False, False, True]


def test_a_thread_that_takes_long_over_many_events_gives_back_what_it_has_not_begun(
    stage, wait_until
):
    step = threading.Event()
    begun = []

    def handle(event, ctx):
        begun.append(event.subject)
        step.wait(30)

    (job,) = jobs_of(stage, handle, "a/1", "a/2", "a/3")
    posted = []
    pool = ThreadWorkers(1, None, posted.append)
    pool.submit([job])
    wait_until(lambda: begun)
    assert [pool.overdue(now) for now in (0, 9)] == [[], []]
    step.set()
    wait_until(lambda: posted)
    assert (posted, job.done, begun, job.abandoned) == ([job], 1, ["1"], False)
    pool.close()


def test_a_task_that_takes_long_over_many_events_gives_back_what_it_has_not_begun(stage):
    async def main():
        step = asyncio.Event()
        begun = asyncio.Queue()
        loop = asyncio.get_running_loop()
        posted = loop.create_future()

        async def handle(event, ctx):
            begun.put_nowait(event.subject)
            await step.wait()

        (job,) = jobs_of(stage, handle, "a/1", "a/2", "a/3")
        workers = TaskWorkers(1, loop, None, posted.set_result)
        workers.submit([job])
        await asyncio.wait_for(begun.get(), 10)
        assert [workers.overdue(now) for now in (0, 9)] == [[], []]
        step.set()
        assert await asyncio.wait_for(posted, 10) is job
        assert (job.done, job.abandoned, begun.qsize()) == (1, False, 0)

    asyncio.run(main())
