"""An attempt: what holds for threads and tasks, for single events and batches alike."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from pat_events import Handlers
from pat_events.consumer.attempt import attempt, attempt_awaited
from pat_events.errors import CodecError, HoldError, UnfinishedWorkError
from pat_events.events import EmailProcessed, EmailReceived

TYPE = ("ce_type", b"pat.events.v1.EmailReceived")
UNREADABLE = "unreadable"


def handlers_of(kind, look):
    """A handler of that kind, which calls ``look(event, ctx)`` and returns what that last did."""

    def single(event, ctx):
        return look(event, ctx)

    def batch(pairs):
        return [look(*pair) for pair in pairs][-1]

    async def single_async(event, ctx):
        await asyncio.sleep(0)
        return look(event, ctx)

    async def batch_async(pairs):
        await asyncio.sleep(0)
        return [look(*pair) for pair in pairs][-1]

    handlers = Handlers()
    register = handlers.batch(EmailReceived) if "batch" in kind else handlers.on(EmailReceived)
    register(
        {"thread": single, "thread batch": batch, "task": single_async, "task batch": batch_async}[
            kind
        ]
    )
    return handlers


@pytest.fixture(params=["thread", "task", "thread batch", "task batch"])
def kind(request):
    return request.param


@pytest.fixture
def begin(stage, kind):
    """Makes an attempt at the job of these events; returns the job and how to drive it."""

    def begin(look, *subjects):
        for subject in subjects:
            if subject == UNREADABLE:
                stage.raw(b"\xff", [TYPE])
            else:
                stage.publish(f"a/{subject}")
        member = stage.member(handlers_of(kind, look), order="partition")
        member.step()
        (job,) = member.workers.ready

        async def task():
            await attempt_awaited(job, stage.producer, contextvars.copy_context())

        def drive():
            if "task" in kind:
                asyncio.run(task())
            else:
                assert list(attempt(job, stage.producer)) == []  # nothing to wait for

        return job, drive

    return begin


def kinds(job):
    return [(index, type(error)) for index, error in job.failures or ()]


def test_every_event_is_handled_in_order(begin):
    seen = []
    job, drive = begin(lambda event, ctx: seen.append(event.subject), *"123")
    drive()
    assert (seen, job.done, job.failures, job.unsettled) == ([*"123"], 3, None, None)


def test_what_cannot_be_decoded_fails_and_the_handler_does_not_see_it(begin, kind):
    seen = []
    job, drive = begin(lambda event, ctx: seen.append(event.subject), "1", UNREADABLE, "3")
    drive()
    assert kinds(job) == [(1, CodecError)]
    assert (seen, job.done) == ((["1", "3"], 3) if "batch" in kind else (["1"], 1))


@pytest.mark.parametrize("kind", ["thread batch", "task batch"])
def test_what_fails_of_a_batch_is_told_in_the_order_of_its_events(begin):
    job, drive = begin(lambda event, ctx: ctx.fail(ValueError()), "1", UNREADABLE, "3")
    drive()
    assert kinds(job) == [(0, ValueError), (1, CodecError), (2, ValueError)]


def test_where_nothing_can_be_decoded_all_of_it_fails_and_nothing_is_called(begin):
    seen = []
    job, drive = begin(lambda event, ctx: seen.append(event), *[UNREADABLE] * 3)
    drive()
    assert (kinds(job), seen) == ([(n, CodecError) for n in range(3)], [])


def test_where_nothing_may_be_begun_any_more_nothing_is_decoded_or_called(begin):
    seen = []
    job, drive = begin(lambda event, ctx: seen.append(event), UNREADABLE, "2")
    job.source.drain()
    drive()
    assert (seen, job.done, job.failures) == ([], 0, None)


@pytest.mark.parametrize("error", [None, ValueError()])
def test_what_a_handler_still_does_once_it_was_given_up_counts_for_nothing(begin, error):
    def look(event, ctx):
        job.abandoned = True
        ctx.publish(EmailProcessed(email_id="a"))
        if error is not None:
            raise error

    job, drive = begin(look, "1", "2")
    drive()
    assert (job.done, job.failures, job.raised, job.unsettled) == (0, None, None, None)


def test_what_was_published_is_noted_with_its_event_unless_that_failed(begin, kind):
    def look(event, ctx):
        ctx.publish(EmailProcessed(email_id=event.subject))
        if event.subject == "2":
            ctx.fail(ValueError())

    job, drive = begin(look, *"123")
    drive()
    assert kinds(job) == [(1, ValueError)]
    assert [index for index, _ in job.unsettled] == ([0, 2] if "batch" in kind else [0])


def test_a_publish_that_is_returned_is_waited_for(begin, stage):
    ack = stage.producer.publish(EmailProcessed(email_id="a"))
    job, drive = begin(lambda event, ctx: ack, "1")
    drive()
    assert (job.done, job.unsettled) == (1, [(0, ack)])


def test_a_result_that_is_nothing_to_wait_for_is_ignored(begin):
    job, drive = begin(lambda event, ctx: "done", "1", "2")
    drive()
    assert (job.done, job.failures, job.unsettled) == (2, None, None)


def test_a_result_that_is_work_not_done_fails_over_what_the_handler_says_itself(begin):
    def look(event, ctx):
        ctx.fail(ValueError())
        return (n for n in ())

    job, drive = begin(look, "1")
    drive()
    assert kinds(job) == [(0, UnfinishedWorkError)]


def test_what_a_handler_raises_stands_before_what_it_said_of_the_event(begin):
    def look(event, ctx):
        ctx.fail(KeyError())
        raise ValueError

    job, drive = begin(look, "1")
    drive()
    assert kinds(job) == [(0, ValueError)]


@pytest.mark.parametrize("kind", ["task", "task batch"])
@pytest.mark.parametrize("given_up", [False, True])
def test_what_ends_the_process_leaves_a_task_also_of_a_handler_that_was_given_up(begin, given_up):
    def look(event, ctx):
        job.abandoned = given_up
        raise KeyboardInterrupt

    job, drive = begin(look, "1")
    with pytest.raises(KeyboardInterrupt):
        drive()
    assert kinds(job) == ([] if given_up else [(0, HoldError)])
