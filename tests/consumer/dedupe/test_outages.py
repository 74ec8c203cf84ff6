"""A store that is killed or talks nonsense while a group handles events."""

from __future__ import annotations

import pytest
from redis import Redis as Client

from pat_events import (
    ConfigError,
    Dedupe,
    DedupeAnswer,
    DedupeStoreError,
    Handlers,
    PermanentError,
    RedisDedupe,
)
from pat_events.events import EmailReceived
from tests.support.fault_proxy import CUT_AFTER, CUT_BEFORE, DOWN, FINE, NONSENSE, FaultProxy
from tests.support.waiting import until
from tools.stack.redis import Redis


def counting():
    handlers, called = Handlers(), []

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        called.append((event.email_id, event.subject))
        if event.email_id == "bad":
            raise PermanentError

    return handlers, called


def in_order(called):
    """Whether the events of each key came in their order."""
    by_key = {}
    for key, subject in called:
        by_key.setdefault(key, []).append(int(subject))
    return all(numbers == sorted(numbers) for numbers in by_key.values())


def test_redis_is_killed_and_back_and_no_event_is_lost_or_handled_twice(live):
    with Redis() as server:
        store = RedisDedupe(server.address, timeout_s=0.5)
        handlers, called = counting()
        group = live.group(handlers, dedupe=Dedupe(store))
        live.publish(*(f"k{index % 7}/{index}" for index in range(300)), "bad/1")
        until(lambda: len(called) > 10)
        server.kill()
        live.publish(*(f"k{index % 7}/{index}" for index in range(300, 600)), "bad/2")
        until(lambda: not group.health().ready, 30)
        assert "the dedupe store does not answer" in group.health().why[0]
        before = len(called)
        server.start_again()
        until(lambda: group.stats().in_flight == 0 and group.stats().delivered == 602, 60)
        for index in range(0, 300, 10):
            live.again(index=index)
        until(lambda: group.stats().duplicates == 30, 30)
        group.stop()
        store.close()
    assert before < 602
    assert len(called) == len(set(called)) == 602
    assert in_order(called)
    assert (len(live.dead), live.committed) == (2, 632)


def test_keys_of_redis_that_somebody_else_wrote_are_no_claims(make_redis, redis):
    with Client.from_url(redis.address, protocol=2) as client:
        client.set("pat-events foreign", "x", px=60_000)
    with pytest.raises(DedupeStoreError, match="hold what was not written by RedisDedupe"):
        make_redis().claim_many([b"foreign"], "me", 30)


def test_an_address_of_redis_is_told_without_its_password():
    with pytest.raises(ConfigError, match="no address of Redis") as refused:
        RedisDedupe("http://:secret@cache")
    assert "secret" not in str(refused.value)
    with pytest.raises(ConfigError, match="give an address"):
        RedisDedupe(7)


@pytest.fixture
def proxy(dynamodb_url):
    with FaultProxy(dynamodb_url) as proxy:
        yield proxy


def test_dynamodb_that_fails_in_all_ways_loses_and_doubles_nothing(live, make_dynamodb, proxy):
    fates = [DOWN, FINE, CUT_AFTER, FINE, NONSENSE, FINE, CUT_BEFORE, FINE] * 2
    seen = iter(fates)
    proxy.schedule = lambda _call: next(seen, FINE)
    handlers, called = counting()
    group = live.group(handlers, dedupe=Dedupe(make_dynamodb(proxy.address)))
    live.publish(*(f"k{index % 5}/{index}" for index in range(60)), "bad/1")
    until(lambda: group.stats().delivered == 61 and group.stats().in_flight == 0, 120)
    group.stop()
    assert len(called) == len(set(called)) == 61
    assert in_order(called)
    assert (len(live.dead), live.committed) == (1, 61)


def test_many_claims_of_dynamodb_are_released_in_few_calls(make_dynamodb, proxy):
    store, other = make_dynamodb(proxy.address), make_dynamodb()
    keys = [b"%d" % index for index in range(250)]
    assert other.claim_many(keys[:1], "you", 30) == [DedupeAnswer.OURS]
    store.claim_many(keys[1:-1], "me", 30)
    calls = []
    proxy.schedule = lambda call: calls.append(call) or FINE
    store.release_many(keys, "me")  # One is another's, and one nobody's.
    assert len(calls) == 4
    assert other.claim_many(keys, "you", 30) == [DedupeAnswer.OURS] * 250
    assert store.claim_many(keys[:1], "me", 30) == [DedupeAnswer.BUSY]


@pytest.mark.parametrize("off_s", [3_600, -3_600])
def test_clocks_that_differ_by_an_hour_take_no_claim_over(make_dynamodb, off_s):
    key = b"{g} a"
    assert make_dynamodb().claim_many([key], "me", 30) == [DedupeAnswer.OURS]
    wall = 1_900_000_000.0
    mine = make_dynamodb(wall_clock=lambda: wall, clock=lambda: 0.0)
    other = make_dynamodb(wall_clock=lambda: wall + off_s, clock=lambda: 0.0)
    assert mine.claim_many([b"b"], "me", 30) == [DedupeAnswer.OURS]
    assert other.claim_many([b"b"], "you", 30) == [DedupeAnswer.BUSY]
