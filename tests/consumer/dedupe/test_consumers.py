"""Dedupe in consumers with real threads: of a store that waits, and one that does not."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from pat_events import (
    Config,
    ConfigError,
    Dedupe,
    DedupeAnswer,
    Handlers,
    MemoryDedupe,
    PermanentError,
    QueueConsumer,
    lambda_handler,
)
from pat_events.catalog.load import load_catalog
from pat_events.core.replayed import replayed
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryQueue
from pat_events.transports.sending import Outgoing
from tests.support.invocations import LambdaContext, body, sqs


class Distant(MemoryDedupe):
    """As a store behind a network: each question takes a while, and may fail."""

    waits = True

    def __init__(self):
        super().__init__()
        self.error: Exception | None = None
        self.claimed = []
        self.asked_by = set()

    def _wait(self):
        self.asked_by.add(threading.current_thread().name)
        time.sleep(0.001)
        if self.error is not None:
            raise self.error

    def claim_many(self, keys, owner, claim_s):
        self._wait()
        self.claimed.append(len(keys))
        return super().claim_many(keys, owner, claim_s)

    def complete_many(self, keys, ttl_s):
        self._wait()
        super().complete_many(keys, ttl_s)

    def release_many(self, keys, owner):
        self._wait()
        super().release_many(keys, owner)


class Silent:
    """What has a store's methods, and does not say whether it waits."""

    claim_many = complete_many = release_many = MemoryDedupe.claim_many


@pytest.fixture(params=[MemoryDedupe, Distant])
def store(request):
    return request.param()


def counting(*, is_async=False):
    handlers, called = Handlers(), []

    def handle(event, ctx):
        called.append((event.email_id, event.subject))

    async def handle_async(event, ctx):
        await asyncio.sleep(0)
        handle(event, ctx)

    handlers.add(EmailReceived, handle_async if is_async else handle)
    return handlers, called


@pytest.mark.parametrize("is_async", [False, True])
def test_a_group_handles_each_event_once_and_in_order(live, store, wait_until, is_async):
    handlers, called = counting(is_async=is_async)
    names = [f"k{index % 20}/{index}" for index in range(400)]
    live.publish(*names)
    for index in range(0, 400, 3):
        live.again(index=index)
    group = live.group(handlers, dedupe=Dedupe(store))
    wait_until(lambda: group.stats().handled == 400 + 134)
    assert group.stats().duplicates == 134
    for key in {name.split("/")[0] for name in names}:
        of_key = [subject for email_id, subject in called if email_id == key]
        assert of_key == [it.split("/")[1] for it in names if it.startswith(f"{key}/")]
    group.stop()
    assert live.committed == 534
    assert not store._claims


def test_a_store_that_waits_keeps_neither_the_engine_nor_a_loop(live, wait_until):
    store = Distant()
    handlers, called = counting(is_async=True)
    live.publish(*(f"k{index}" for index in range(300)))
    group = live.group(handlers, dedupe=Dedupe(store))
    wait_until(lambda: len(called) == 300)
    group.stop()
    assert store.asked_by == {"pat-events-dedupe"}
    assert len(store.claimed) < 100  # One question for many jobs.


def test_a_store_that_is_away_for_a_while_costs_no_event_and_doubles_none(live, wait_until):
    store = Distant()
    handlers, called = counting()
    group = live.group(handlers, dedupe=Dedupe(store))
    for index in range(10):
        store.error = ConnectionError("away") if index in (3, 7) else None
        live.publish(*(f"k{index}-{each}" for each in range(20)))
    store.error = None
    wait_until(lambda: group.stats().in_flight == 0 and group.stats().handled == 200)
    assert len(set(called)) == len(called) == 200
    assert group.stats().dead_lettered == 0


def test_a_group_that_stops_releases_what_it_did_not_begin(live, store, wait_until):
    begun, go_on = threading.Event(), threading.Event()
    handlers, called = Handlers(), []

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        called.append(event.email_id)
        begun.set()
        go_on.wait(10)

    live.publish(*(f"k{index}" for index in range(50)))
    group = live.group(handlers, dedupe=Dedupe(store), max_threads=1)
    assert begun.wait(10)
    stopper = threading.Thread(target=group.stop)
    stopper.start()
    time.sleep(0.05)
    go_on.set()
    stopper.join(20)
    assert len(called) == len(store)
    assert not store._claims


def test_a_replay_of_a_dead_letter_is_handled_and_a_second_one_is_skipped(live, store, wait_until):
    handlers, called = Handlers(), []

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        called.append(ctx.position.topic)
        if len(called) == 1:
            raise PermanentError

    retry = load_catalog().retry_topic("pat-emails", "email-processor")
    live.broker.create_topic(retry, 1)
    group = live.group(handlers, dedupe=Dedupe(store))
    live.publish("a")
    wait_until(lambda: live.dead)
    assert not store._claims
    for run in ("one", "two"):
        record = replayed(live.dead[0], retry, run, 0)
        live.broker.append(Outgoing(*record))
    wait_until(lambda: group.stats().handled == 2)
    group.stop()
    assert called == ["pat-emails", retry]
    assert group.stats().duplicates == 1


def test_a_queue_s_consumer_handles_an_event_that_was_sent_twice_once(store, wait_until):
    handlers, called = counting()
    dead = MemoryQueue("dead")
    queue = MemoryQueue("emails", redrive=(dead, 3))
    headers = [("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", b"pat.events.v1.EmailReceived")]
    for _ in range(3):
        queue.send(EmailReceived(email_id="a").SerializeToString(), headers)
    with QueueConsumer(queue, handlers, config=Config(), dedupe=Dedupe(store)) as consumer:
        wait_until(lambda: consumer.stats().handled == 3)
        assert (len(called), consumer.stats().duplicates) == (1, 2)


def test_a_function_handles_an_event_that_it_is_invoked_with_twice_once(store):
    handlers, called = counting()
    handler = lambda_handler(handlers, config=Config(), dedupe=Dedupe(store))
    for _ in range(2):
        answer = handler(sqs(body("a"), body("b")), LambdaContext())
        assert answer == {"batchItemFailures": []}
    assert sorted(called) == [("a", ""), ("b", "")]


def test_what_another_function_has_is_left_to_the_source_when_the_time_is_over(store):
    handlers, called = counting()
    store.claim_many([b"{lambda} 8 pat.smtp i-a"], "another", 60)
    handler = lambda_handler(handlers, config=Config(), dedupe=Dedupe(store))
    answer = handler(sqs(body("a"), body("b")), LambdaContext(1))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}
    assert called == [("b", "")]


def test_a_function_whose_store_hangs_answers_in_its_time():
    release = threading.Event()
    store = Distant()
    store.claim_many = lambda *_: release.wait(60)
    handlers, _ = counting()
    handler = lambda_handler(handlers, config=Config(), dedupe=Dedupe(store))
    began = time.monotonic()
    try:
        answer = handler(sqs(body("a")), LambdaContext(1))
        assert time.monotonic() - began < 3
    finally:
        release.set()
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"store": object()}, "store of Dedupe"),
        ({"store": MemoryDedupe}, "store of Dedupe"),
        ({"store": Silent()}, "store of Dedupe"),
        ({"ttl_s": 0}, "ttl_s of Dedupe is 0"),
        ({"claim_s": -1}, "claim_s of Dedupe is -1"),
        ({"claim_s": "1"}, "claim_s of Dedupe is '1'"),
        ({"ttl_s": float("inf")}, "ttl_s of Dedupe is inf"),
        ({"ttl_s": 1e12}, "ttl_s of Dedupe is 1e"),
        ({"ttl_s": 59}, "ttl_s of Dedupe is 59, less than its claim_s of 60"),
    ],
)
def test_what_makes_no_dedupe_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        Dedupe(**({"store": MemoryDedupe()} | settings))


def test_a_consumer_takes_no_store_in_the_place_of_a_dedupe():
    handlers, _ = counting()
    with pytest.raises(ConfigError, match=r"dedupe is .*MemoryDedupe"):
        lambda_handler(handlers, config=Config(), dedupe=MemoryDedupe())


def test_the_answers_of_a_store_have_three_names():
    assert [each.value for each in DedupeAnswer] == ["ours", "done", "busy"]
