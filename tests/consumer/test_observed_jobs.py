"""What is told of jobs that came back: how long they took, and with what outcome."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.consumer.workers.tasks import TaskWorkers
from pat_events.consumer.workers.threads import ThreadWorkers
from pat_events.errors import CodecError, HandlerTimeoutError
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.telemetry import EndedJob, JobsEnded
from tests.consumer.conftest import TOPIC

PARTITION = (TOPIC, 0)


class Jobs(list):
    """The jobs that were told, in order."""

    wants_jobs = True

    def saw(self, what):
        if isinstance(what, JobsEnded):
            self.extend(what.jobs)


@pytest.fixture
def jobs():
    return Jobs()


@pytest.fixture
def slow(stage):
    """A handler of 0.5 s, which fails for subjects that say so."""

    def slow(event, ctx):
        stage.clock.advance(0.5)
        if event.subject.startswith("bad"):
            raise ValueError(event.subject)

    return slow


def name_of(handler):
    return f"{__name__}.{handler.__qualname__}"


def handlers_of(handler, **settings):
    handlers = Handlers()
    handlers.add(EmailReceived, handler, retry=RetryPolicy(jitter=0), **settings)
    return handlers


def test_each_job_is_told_with_its_handler_partition_number_and_time(stage, jobs, slow):
    member = stage.member(handlers_of(slow), observers=[jobs])
    stage.publish("k/1", "k/2", "another")
    member.turn()
    name = name_of(slow)
    assert jobs == [
        EndedJob(*PARTITION, name, handled=2, failed=0, error=None, seconds=1.0),
        EndedJob(*PARTITION, name, handled=1, failed=0, error=None, seconds=0.5),
    ]


def test_a_job_that_failed_is_told_with_what_was_handled_before_and_its_error(stage, jobs, slow):
    member = stage.member(handlers_of(slow), observers=[jobs])
    stage.publish("k/1", "k/bad", "k/3")
    member.turn()
    (job,) = jobs
    assert (job.handled, job.failed, str(job.error), job.seconds) == (1, 1, "bad", 1.0)


def test_quick_jobs_of_a_handler_are_told_together_and_none_of_another_or_a_slow_one(stage, jobs):
    def handle(event, ctx):
        stage.clock.advance(0.5 if event.subject == "slow" else 0.0001)
        if event.subject == "bad":
            raise ValueError(event.subject)

    handlers = handlers_of(handle)
    handlers.add(EmailProcessed, other := lambda event, ctx: stage.clock.advance(0.0002))
    member = stage.member(handlers, observers=[jobs])
    stage.publish("a/1", "a/2", "b/3", "c/slow", "d/bad", "e/4")
    for key in ("f", "g"):
        stage.producer.publish(EmailProcessed(email_id=key))
    member.turn()
    assert {(job.handler, job.handled, job.failed, round(job.seconds, 6)) for job in jobs} == {
        (name_of(handle), 4, 0, 0.0004),
        (name_of(handle), 1, 0, 0.5),
        (name_of(handle), 0, 1, 0.0001),
        (name_of(other), 2, 0, 0.0004),
    }
    assert len(jobs) == 4


def test_handlers_that_shared_a_job_share_its_time(stage, jobs, slow):
    def other(event, ctx):
        stage.clock.advance(0.5)

    handlers = handlers_of(slow)
    handlers.add(EmailProcessed, other)
    member = stage.member(handlers, observers=[jobs])
    stage.publish("k/1", "k/2")
    stage.producer.publish(EmailProcessed(email_id="k"))
    member.turn()
    assert [job[2:] for job in jobs] == [
        (name_of(slow), 2, 0, None, pytest.approx(1.0)),
        (name_of(other), 1, 0, None, pytest.approx(0.5)),
    ]


def test_of_a_batch_those_that_failed_are_told(stage, jobs):
    handlers = Handlers()

    @handlers.batch(EmailReceived)
    def handle(pairs):
        stage.clock.advance(2)
        pairs[1][1].fail(ValueError("the second"))

    member = stage.member(handlers, observers=[jobs])
    stage.publish("a", "b", "c")
    member.turn()
    (job,) = jobs
    assert (job.handled, job.failed, str(job.error), job.seconds) == (2, 1, "the second", 2.0)


def test_what_could_not_be_decoded_has_failed_at_its_handler(stage, jobs, slow):
    member = stage.member(handlers_of(slow), observers=[jobs])
    stage.raw(b"\xff", [("ce_type", b"pat.events.v1.EmailReceived")])
    member.turn()
    (job,) = jobs
    assert (job.handler, job.handled, job.failed) == (name_of(slow), 0, 1)
    assert isinstance(job.error, CodecError)


def test_a_job_past_its_deadline_is_told_with_its_time_so_far(stage, jobs, slow):
    member = stage.member(handlers_of(slow, timeout_s=5), observers=[jobs])
    stage.publish("a")
    member.step()
    (job,) = member.workers.ready
    member.workers.start(job)
    stage.clock.advance(5)
    member.step()  # It is given up,
    member.step()  # and settled as any other.
    (told,) = jobs
    assert (told.handled, told.failed, told.seconds) == (0, 1, 5.0)
    assert isinstance(told.error, HandlerTimeoutError)


def test_a_job_that_called_nothing_is_not_told(stage, jobs, slow):
    member = stage.member(handlers_of(slow), observers=[jobs], while_waiting=lambda _: None)
    stage.publish("a")
    member.step()
    member.engine.lost([PARTITION])
    member.workers.run_all()
    member.step()
    assert jobs == []


def job_of(stage, handler):
    member = stage.member(handlers_of(handler))
    stage.publish("a")
    member.step()
    (job,) = member.workers.ready
    return job


def test_a_thread_measures_its_jobs(stage, wait_until):
    posted = []
    ticks = count(1, 3)
    pool = ThreadWorkers(1, None, posted.append, clock=lambda: next(ticks))
    pool.submit([job_of(stage, lambda event, ctx: None)])
    wait_until(lambda: posted)
    pool.close()
    assert posted[0].seconds == 3


def test_a_task_measures_its_jobs(stage):
    ticks = count(1, 3)

    async def handle(event, ctx):
        await asyncio.sleep(0)

    async def run():
        loop = asyncio.get_running_loop()
        posted = loop.create_future()
        pool = TaskWorkers(1, loop, None, posted.set_result, clock=lambda: next(ticks))
        pool.submit([job_of(stage, handle)])
        return await posted

    assert asyncio.run(run()).seconds == 3
