"""Each call of a handler sees the context variables the application had when it started the group,
and none that another call has set."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.consumer.workers.tasks import TaskWorkers
from pat_events.events import EmailReceived

TENANT = contextvars.ContextVar("tenant", default="unset")
KINDS = ["thread", "task", "thread batch", "task batch"]


def handlers_of(kind, look, **settings):
    """A handler of that kind, which calls ``look(event, ctx)`` for each event."""

    def handle(event, ctx):
        look(event, ctx)

    async def handle_async(event, ctx):
        await asyncio.sleep(0)
        look(event, ctx)
        await asyncio.sleep(0)

    def batch(pairs):
        look(*pairs[0])

    async def batch_async(pairs):
        await asyncio.sleep(0)
        look(*pairs[0])

    handlers = Handlers()
    if "batch" in kind:
        register = handlers.batch(EmailReceived, max_events=1, **settings)
        register(batch_async if "task" in kind else batch)
    else:
        register = handlers.on(EmailReceived, **settings)
        register(handle_async if kind == "task" else handle)
    return handlers


@pytest.fixture
def tenant():
    token = TENANT.set("of the application")
    yield
    TENANT.reset(token)


@pytest.mark.usefixtures("tenant")
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_application_set_before_the_start_is_seen_and_what_a_call_sets_is_not(
    live, wait_until, kind
):
    seen = []

    def look(event, ctx):
        seen.append(TENANT.get())
        TENANT.set(event.subject)

    live.publish("a/1", "a/2", "a/3", "b/4", "b/5")  # a lane is handed over whole
    group = live.group(handlers_of(kind, look), order="partition", max_threads=1, max_tasks=1)
    TENANT.set("set after the start")
    wait_until(lambda: group.stats().handled == 5)
    assert seen == ["of the application"] * 5
    assert TENANT.get() == "set after the start"


@pytest.mark.usefixtures("tenant")
@pytest.mark.parametrize("kind", KINDS)
def test_a_repeated_call_does_not_see_what_the_one_that_failed_has_set(live, wait_until, kind):
    seen = []

    def look(event, ctx):
        seen.append(TENANT.get())
        TENANT.set("of the first attempt")
        if len(seen) == 1:
            raise ValueError("once")

    live.publish("a")
    group = live.group(
        handlers_of(kind, look, retry=RetryPolicy(first_delay_s=0)), order="partition"
    )
    wait_until(lambda: group.stats().handled == 1)
    assert seen == ["of the application"] * 2


def test_a_coroutine_keeps_what_it_set_and_hands_it_to_its_tasks(live, wait_until):
    seen = []

    async def child():
        await asyncio.sleep(0)
        seen.append(TENANT.get())
        TENANT.set("of the child")

    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        TENANT.set(event.email_id)
        await asyncio.sleep(0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(child())
        seen.append(await asyncio.to_thread(TENANT.get))
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append(TENANT.get())

    live.publish("a", "a")  # the second call is made in the task of the first
    group = live.group(handlers)
    wait_until(lambda: group.stats().handled == 2)
    assert seen == ["a", "a", "a"] * 2


def test_a_cancelled_coroutine_is_cancelled_in_its_own_variables(live, wait_until, header):
    seen = []
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1), timeout_s=0.1)
    async def handle(event, ctx):
        TENANT.set(event.subject)
        try:
            await (asyncio.sleep(0) if event.subject == "1" else asyncio.Event().wait())
        finally:
            seen.append(TENANT.get())

    live.publish("a/1", "a/2")
    live.group(handlers)
    wait_until(lambda: live.committed == 2)
    assert seen == ["1", "2"]
    assert header(live.dead[0], "pat-dlq-reason") == "timeout"


def test_tasks_see_the_variables_of_whoever_made_the_workers(stage):
    seen = []
    member = stage.member(handlers_of("task", lambda event, ctx: seen.append(TENANT.get())))
    stage.publish("a")
    member.step()
    maker = contextvars.copy_context()
    maker.run(TENANT.set, "of the maker")

    async def main():
        loop = asyncio.get_running_loop()
        posted = loop.create_future()
        workers = maker.run(TaskWorkers, 1, loop, None, posted.set_result)
        workers.submit(member.workers.ready)
        assert (await asyncio.wait_for(posted, 10)).done == 1

    asyncio.run(main())
    assert seen == ["of the maker"]


def test_calls_of_several_keys_that_take_turns_keep_their_own(live, wait_until):
    seen = {}
    handlers = Handlers()
    all_here = asyncio.Event()
    here = []

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        TENANT.set(event.email_id)
        here.append(event.email_id)
        if len(here) == 5:
            all_here.set()
        await all_here.wait()
        await asyncio.sleep(0)
        seen[event.email_id] = TENANT.get()

    live.publish(*"abcde")
    group = live.group(handlers)
    wait_until(lambda: group.stats().handled == 5)
    assert seen == {key: key for key in "abcde"}


@pytest.mark.parametrize("kind", ["thread", "task"])
def test_serve_hands_on_the_variables_of_its_caller(live, kind):
    seen = []
    ended = threading.Event()

    def look(event, ctx):
        seen.append(TENANT.get())
        ended.set()

    live.publish("a")
    group = live.group(handlers_of(kind, look), started=False)

    async def main():
        TENANT.set("of main")
        serving = asyncio.create_task(group.serve())
        await asyncio.to_thread(ended.wait, 10)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(main())
    assert seen == ["of main"]


class Incomparable:
    """As an array of numbers is."""

    def __eq__(self, other):
        raise ValueError("the truth value is ambiguous")

    __hash__ = None


def test_values_that_cannot_be_compared_are_no_obstacle(live, wait_until):
    ours = Incomparable()
    token = TENANT.set(ours)
    seen = []

    def look(event, ctx):
        seen.append(TENANT.get() is ours)
        TENANT.set(Incomparable())

    live.publish("a", "a", "a")
    group = live.group(handlers_of("task", look), max_tasks=1)
    TENANT.reset(token)
    wait_until(lambda: group.stats().handled == 3)
    assert seen == [True] * 3
