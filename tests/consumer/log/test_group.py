"""A group with real threads and event loops, on the memory transport."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pat_events import ConsumerGroup, Handlers, RetryPolicy
from pat_events.errors import (
    ClosedError,
    ConfigError,
    NotDrainedError,
    OffsetOutOfRangeError,
    TopicMissingError,
    WorkersExhaustedError,
)
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryTransport

TOPIC = "pat-emails"
QUICK = RetryPolicy(attempts=2, first_delay_s=0.01, jitter=0)


class Odd(BaseException):
    """What no handler should raise, and some library does."""


RAISED = [
    ValueError("no"),
    KeyboardInterrupt(),
    SystemExit(1),
    GeneratorExit(),
    StopIteration(3),
    asyncio.CancelledError(),
    Odd(),
    StopAsyncIteration(),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_whatever_a_handler_raises_is_that_events_failure_alone(
    live, wait_until, header, error, kind
):
    handlers = Handlers()
    handled = []

    def handle(event, ctx):
        if event.email_id == "bad":
            raise error
        handled.append(event.email_id)

    async def handle_async(event, ctx):
        await asyncio.sleep(0)
        handle(event, ctx)

    handlers.add(EmailReceived, handle if kind == "sync" else handle_async, retry=QUICK)
    live.publish("a", "bad", "b", "bad", "c")
    group = live.group(handlers)
    wait_until(lambda: live.committed == 5)
    assert sorted(handled) == ["a", "b", "c"]
    assert group.running
    assert len(live.dead) == 2
    raised = "RuntimeError" if (kind, type(error)) in _WRAPPED else type(error).__qualname__
    assert header(live.dead[0], "pat-dlq-error-class").endswith(raised)


# A coroutine cannot raise these: the interpreter makes a RuntimeError of them.
_WRAPPED = {("async", StopIteration)}


def test_a_thread_that_never_returns_is_given_up_while_other_keys_go_on(live, wait_until, header):
    release = threading.Event()
    handled = []
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=QUICK, timeout_s=0.3)
    def handle(event, ctx):
        if event.email_id == "hangs" and not event.subject:
            release.wait(30)
        handled.append(f"{event.email_id}/{event.subject}")

    live.publish("hangs", "a/1", "hangs/2", "b/1", "a/2")
    group = live.group(handlers, max_threads=4)
    try:
        wait_until(lambda: {"a/1", "a/2", "b/1"} <= set(handled))
        assert live.dead == []  # the others did not wait for the deadline
        wait_until(lambda: live.committed == 5)
        assert header(live.dead[0], "pat-dlq-reason") == "timeout"
        assert header(live.dead[0], "pat-dlq-attempts") == "2"
        assert handled.index("a/1") < handled.index("a/2")
        assert handled[-1] == "hangs/2"
    finally:
        release.set()
    # The late ends of both hanging calls change nothing.
    wait_until(lambda: handled.count("hangs/") == 2)
    assert (group.stats().handled, group.stats().dead_lettered) == (4, 1)


def test_a_coroutine_that_never_ends_is_cancelled_and_given_up(live, wait_until, header):
    cancelled = []
    handled = []
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=QUICK, timeout_s=0.2)
    async def handle(event, ctx):
        if event.email_id == "hangs":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(ctx.attempt)
                raise
        handled.append(event.email_id)

    live.publish("hangs", "a", "b")
    # With one task at a time: that all of them hang is no reason to stop, they can be cancelled.
    live.group(handlers, max_tasks=1)
    wait_until(lambda: live.committed == 3)
    assert (len(cancelled), sorted(handled)) == (2, ["a", "b"])
    assert header(live.dead[0], "pat-dlq-reason") == "timeout"


def test_when_every_thread_hangs_the_group_stops_and_says_why(live):
    release = threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(first_delay_s=0.01), timeout_s=0.1)
    def handle(event, ctx):
        release.wait(30)

    live.publish("a", "b", "c")
    group = live.group(handlers, started=False, max_threads=2, drain_timeout_s=1.0)
    began = time.monotonic()
    try:
        with pytest.raises(WorkersExhaustedError, match="2 handlers never returned"):
            group.run()
    finally:
        release.set()
    assert time.monotonic() - began < 5
    assert live.committed == 0


def test_a_coroutine_that_blocks_its_loop_stops_the_group_instead_of_stalling_it(
    live, wait_until, monkeypatch
):
    monkeypatch.setattr("pat_events.consumer.workers.tasks._CANCEL_S", 0.2)
    release = threading.Event()
    handlers = Handlers()
    loops = []

    @handlers.on(EmailReceived, timeout_s=0.1)
    async def handle(event, ctx):
        loops.append(asyncio.get_running_loop())
        release.wait(30)  # the fault under test

    live.publish("a")
    group = live.group(handlers, started=False, drain_timeout_s=0.5)
    try:
        with pytest.raises(WorkersExhaustedError, match="event loop is blocked"):
            group.run()
    finally:
        release.set()
    wait_until(loops[0].is_closed)


def test_a_task_that_ended_while_another_blocked_the_loop_counts_once(live, wait_until):
    handled = []
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=QUICK, timeout_s=0.3)
    async def handle(event, ctx):
        if event.email_id == "blocks" and ctx.attempt == 1:
            await asyncio.sleep(0)
            time.sleep(0.8)  # noqa: ASYNC251 - the fault under test
        handled.append(event.email_id)

    live.publish("a", "blocks", "b")
    group = live.group(handlers)
    wait_until(lambda: live.committed == 3)
    assert handled.count("a") == 1
    stats = group.stats()
    assert (stats.handled, stats.in_flight, stats.delivered) == (3, 0, 3)


@pytest.mark.parametrize("attempt", range(3))
def test_sync_and_async_handlers_of_one_key_keep_its_order_across_threads(
    live, wait_until, attempt
):
    seen = {}
    handlers = Handlers()

    def note(event, ctx):
        if ctx.position.offset % 17 == attempt and ctx.attempt == 1:
            raise ValueError("once")
        seen.setdefault(ctx.key, []).append(ctx.position.offset)

    @handlers.on(EmailReceived, retry=QUICK)
    def sync(event, ctx):
        note(event, ctx)

    @handlers.on(EmailProcessed, retry=QUICK)
    async def coroutine(event, ctx):
        await asyncio.sleep(0)
        note(event, ctx)

    for number in range(300):
        kind = EmailProcessed if number // 3 % 2 else EmailReceived
        live.producer.publish(kind(email_id=f"k{number % 7}"))
    live.group(handlers)
    wait_until(lambda: live.committed == 300)
    assert sum(map(len, seen.values())) == 300
    assert all(offsets == sorted(offsets) for offsets in seen.values())


def test_thousands_of_keys_on_many_threads_are_each_handled_once_in_order(live, wait_until):
    seen = {}
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        seen.setdefault(event.email_id, []).append(ctx.position.offset)
        ctx.publish(EmailProcessed(email_id=event.email_id))

    live.publish(*(f"k{number % 700}" for number in range(3_000)))
    group = live.group(handlers, max_threads=8, max_in_flight=500)
    wait_until(lambda: live.committed == 6_000, 20)
    assert sum(map(len, seen.values())) == 3_000
    assert all(offsets == sorted(offsets) for offsets in seen.values())
    stats = group.stats()
    assert (stats.handled, stats.skipped, stats.in_flight) == (3_000, 3_000, 0)


def test_members_that_come_and_go_lose_nothing(live, wait_until):
    live.broker.create_topic(TOPIC, 4)
    handled = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        handled.append(event.email_id)

    names = [f"e{number}" for number in range(2_000)]
    first = live.group(handlers, started=False)
    first.start()
    live.publish(*names[:1_000])
    second = live.group(handlers)
    third = live.group(handlers)
    live.publish(*names[1_000:])
    first.stop()
    wait_until(lambda: sum(live.broker.committed("email-processor").values()) == 2_000)
    assert set(handled) == set(names)
    assert second.running
    assert third.running


def test_stopping_lets_running_handlers_end_and_commits(live, wait_until):
    begun, finish = threading.Event(), threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        begun.set()
        finish.wait(10)

    live.publish("a")
    group = live.group(handlers, started=False)
    group.start()
    begun.wait(10)
    stopper = threading.Thread(target=group.stop)
    stopper.start()
    assert live.committed == 0
    assert group.running
    finish.set()
    stopper.join(10)
    assert not group.running
    assert live.committed == 1


def test_a_group_that_did_not_drain_says_so_and_commits_nothing_of_it(live, wait_until):
    begun, finish = threading.Event(), threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        begun.set()
        finish.wait(10)

    live.publish("a")
    group = live.group(handlers, started=False, drain_timeout_s=0.1)
    group.start()
    begun.wait(10)
    try:
        with pytest.raises(
            NotDrainedError, match="still at work; events that are not settled and come again: 1"
        ):
            group.stop()
    finally:
        finish.set()
    assert live.committed == 0


def test_stop_returns_within_the_time_it_is_given(live):
    begun, finish = threading.Event(), threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        begun.set()
        finish.wait(10)

    live.publish("a")
    group = live.group(handlers, started=False, drain_timeout_s=60)
    group.start()
    begun.wait(10)
    began = time.monotonic()
    try:
        with pytest.raises(NotDrainedError, match=r"did not stop within 0\.2 s"):
            group.stop(0.2)
    finally:
        finish.set()
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_handler_that_stops_its_group_does_not_wait_for_itself(live, wait_until, kind):
    handlers = Handlers()
    stopped = []

    def stop():
        group.stop()
        stopped.append(group.running)

    if kind == "sync":

        @handlers.on(EmailReceived)
        def handle(event, ctx):
            stop()
    else:

        @handlers.on(EmailReceived)
        async def handle(event, ctx):
            stop()

    live.publish("a")
    group = live.group(handlers, started=False)
    group.start()
    wait_until(lambda: not group.running)
    assert stopped == [True]
    assert live.committed == 1


@pytest.mark.parametrize("how", ["run", "serve"])
def test_an_end_that_hangs_is_left_after_the_drain_and_a_little_more(live, monkeypatch, how):
    monkeypatch.setattr("pat_events.consumer.log.group._LEAVE_S", 0.2)
    frozen, thawed = threading.Event(), threading.Event()
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: group.stop())
    live.publish("a")
    group = live.group(handlers, started=False, drain_timeout_s=0.1)
    make_receiver = group._transport.receiver

    def receiver(*args):
        made = make_receiver(*args)

        def commit(*args, **kwargs):
            frozen.set()
            thawed.wait(10)

        made.commit = commit
        return made

    group._transport.receiver = receiver
    try:
        with pytest.raises(NotDrainedError, match=r"did not stop within 0\.3 s"):
            group.run() if how == "run" else asyncio.run(group.serve())
        assert frozen.is_set()
    finally:
        thawed.set()


def test_a_group_without_a_name_is_refused():
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    with pytest.raises(ConfigError, match="no name"):
        ConsumerGroup("", handlers, transport=MemoryTransport(MemoryBroker()))


@pytest.mark.parametrize("timeout_s", ["x", float("nan"), -1])
def test_a_time_to_stop_in_that_is_none_is_refused_and_the_group_goes_on(live, timeout_s):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    group = live.group(handlers, started=False)
    group.start()
    with pytest.raises(ConfigError, match="timeout_s is"):
        group.stop(timeout_s)
    assert group.running
    group.stop()


def test_stopping_does_not_wait_for_a_retry(live, wait_until):
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(first_delay_s=30, jitter=0))
    def handle(event, ctx):
        if event.email_id == "later":
            raise ValueError("later")

    live.publish("a", "later", "b")
    group = live.group(handlers, started=False)
    group.start()
    wait_until(lambda: group.stats().handled == 2)
    began = time.monotonic()
    group.stop()
    assert time.monotonic() - began < 8
    assert live.committed == 1


def test_a_publish_that_failed_once_and_was_repeated_does_not_spoil_the_stop(live, wait_until):
    handlers = Handlers()
    published = []

    @handlers.on(EmailReceived, retry=QUICK)
    def handle(event, ctx):
        ack = ctx.publish(EmailProcessed(email_id="e"))
        published.append(ack)

    append, refused = live.broker.append, [True]

    def append_or_not(outgoing):
        if refused and outgoing.headers["ce_type"].endswith(b"EmailProcessed"):
            refused.pop()
            raise TopicMissingError("not yet")
        return append(outgoing)

    live.broker.append = append_or_not
    live.publish("a")
    group = live.group(handlers, started=False)
    group.start()
    wait_until(lambda: live.committed == 2)
    group.stop()
    assert len(published) == 2


def test_aborting_during_an_outage_does_not_wait_for_what_handlers_published(live, wait_until):
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        live.broker.set_down(down=True)
        ctx.publish(EmailProcessed(email_id="e"))

    live.publish("a")
    group = live.group(handlers, started=False, drain_timeout_s=60)
    group.start()
    wait_until(lambda: live.broker.down)
    began = time.monotonic()
    with pytest.raises(NotDrainedError):
        group.stop(0.1)  # and aborts
    wait_until(lambda: not group.running)
    assert time.monotonic() - began < 30


def test_an_offset_out_of_range_ends_the_group_with_that_error(live, wait_until):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    live.publish("a", "b", "c")
    group = live.group(handlers, started=False)
    live.broker.group("email-processor").committed[TOPIC, 0] = 0
    live.broker.delete_records(TOPIC, 0, 2)
    with pytest.raises(OffsetOutOfRangeError):
        group.run()
    assert live.committed == 0


def test_one_sender_takes_what_handlers_publish_and_the_dead_letters(live, wait_until):
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    def handle(event, ctx):
        ctx.publish(EmailProcessed(email_id=event.email_id))
        if event.email_id == "bad":
            raise ValueError

    live.publish("good", "bad")
    group = live.group(handlers, started=False)
    before = set(live.broker.senders)
    with group:
        wait_until(lambda: live.committed >= 2)
        assert len(live.dead) == 1
        assert len(set(live.broker.senders) - before) == 1


def test_a_group_starts_once(live):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    group = live.group(handlers)
    with pytest.raises(ClosedError, match="make a new ConsumerGroup"):
        group.start()


def test_a_missing_dead_letter_topic_is_named_at_start(live):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    del live.broker._topics["pat-emails.email-processor.dlq"]
    with pytest.raises(TopicMissingError, match=r"pat-emails\.email-processor\.dlq") as raised:
        live.group(handlers, started=False).start()
    # Its topics are what the catalogue lists: nothing has to be added to it.
    assert "catalogue has no group" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        (
            "email-procesor",
            r"no group 'email-procesor'; did you mean 'email-processor'\? If not, add",
        ),
        ("third", r"no group 'third': add it under 'groups' and run 'pat-events topics apply', or"),
    ],
)
def test_a_group_the_catalogue_does_not_have_is_told_what_it_lacks(live, name, hint):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    group = ConsumerGroup(name, handlers, transport=MemoryTransport(live.broker))
    with pytest.raises(TopicMissingError, match=rf"pat-emails\.{name}\.dlq.*{hint}"):
        group.start()


def test_a_group_the_catalogue_does_not_have_runs_where_its_dead_letter_topic_is(live):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    live.broker.create_topic("pat-emails.third.dlq", 1)
    with ConsumerGroup("third", handlers, transport=MemoryTransport(live.broker)) as group:
        assert group.running


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("start", "newest"),
        ("order", "random"),
        ("max_threads", 0),
        ("max_tasks", 0),
        ("max_in_flight", 0),
        ("max_in_flight_bytes", 0),
        ("drain_timeout_s", -1),
        ("drain_timeout_s", float("nan")),
        ("commit_interval_s", 0),
    ],
)
def test_impossible_settings_are_refused_by_name(live, setting, value):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    with pytest.raises(ConfigError, match=setting):
        live.group(handlers, started=False, **{setting: value})


def test_serve_runs_coroutine_handlers_on_the_callers_loop(live, wait_until):
    loops = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        loops.append(asyncio.get_running_loop())
        await ctx.apublish(EmailProcessed(email_id=event.email_id))

    live.publish("a", "b")
    group = live.group(handlers, started=False)

    async def main():
        served = asyncio.create_task(group.serve())
        await asyncio.to_thread(wait_until, lambda: live.committed == 4)
        served.cancel()
        with pytest.raises(asyncio.CancelledError):
            await served
        return asyncio.get_running_loop()

    loop = asyncio.run(asyncio.wait_for(main(), 10))
    assert loops == [loop, loop]
    assert not group.running


def test_cancelling_serve_drains(live, wait_until):
    begun = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        begun.append(event.email_id)
        await asyncio.sleep(0.3)

    live.publish("a")
    group = live.group(handlers, started=False)

    async def main():
        served = asyncio.create_task(group.serve())
        await asyncio.to_thread(wait_until, lambda: begun)
        served.cancel()
        with pytest.raises(asyncio.CancelledError):
            await served

    asyncio.run(asyncio.wait_for(main(), 10))
    assert live.committed == 1
    assert not group.running


def test_serve_starts_and_stops_while_the_loops_own_threads_are_all_busy(live):
    handled, finish = asyncio.Event(), threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        handled.set()

    live.publish("a")
    group = live.group(handlers, started=False)

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, finish.wait)
        served = asyncio.create_task(group.serve())
        try:
            await handled.wait()
            served.cancel()
            with pytest.raises(asyncio.CancelledError):
                await served
        finally:
            finish.set()
            await busy

    asyncio.run(asyncio.wait_for(main(), 10))
    assert live.committed == 1


def test_cancelling_serve_while_it_starts_leaves_nothing_running(live, wait_until):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    group = live.group(handlers, started=False)
    asked, answer = live.slow_start(group)

    async def main():
        served = asyncio.create_task(group.serve())
        await asyncio.to_thread(asked.wait, 10)
        served.cancel()
        answer.set()
        with pytest.raises(asyncio.CancelledError):
            await served

    asyncio.run(asyncio.wait_for(main(), 10))
    wait_until(lambda: group._thread is None or not group.running)


def test_serve_raises_what_stopped_the_group(live):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    live.publish("a", "b")
    group = live.group(handlers, started=False)
    live.broker.group("email-processor").committed[TOPIC, 0] = 0
    live.broker.delete_records(TOPIC, 0, 2)
    with pytest.raises(OffsetOutOfRangeError):
        asyncio.run(asyncio.wait_for(group.serve(), 10))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_stops_an_event_loop_does_not_stop_the_groups(live, wait_until, header, kind):
    handlers = Handlers()

    async def child():
        raise kind

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    async def handle(event, ctx):
        if event.email_id == "bad":
            await asyncio.create_task(child())

    live.publish("bad", "good")
    group = live.group(handlers)
    wait_until(lambda: live.committed == 2)
    assert group.running
    assert [header(it, "pat-dlq-error-class") for it in live.dead] == [f"builtins.{kind.__name__}"]


def test_a_handler_that_comes_after_the_group_is_refused(live):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    live.group(handlers, started=False)
    with pytest.raises(ConfigError, match="already uses"):
        handlers.add(EmailProcessed, lambda event, ctx: None)
