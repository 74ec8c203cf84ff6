"""Producers of each bus through a proxy that throttles, fails in part, delays, cuts and hangs."""

from __future__ import annotations

import random
import threading
import time

import pytest

from pat_events import AwsConfig, Config, Producer
from pat_events.errors import NotDeliveredError, TransportError
from pat_events.events import EmailReceived
from tests.support.fault_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    DOWN,
    NONSENSE,
    SILENT,
    SILENT_AFTER,
    THROTTLED,
    Fate,
)
from tests.support.senders import ON_AWS
from tests.support.waiting import until

pytestmark = pytest.mark.localstack
EVENTS, KEYS = 60, 7
QUICK = {
    "client_attempts": 1,
    "linger_s": 0.002,
    "retry_first_s": 0.01,
    "retry_max_s": 0.05,
    "read_timeout_s": 1.0,
}


def publisher(target, proxy, aws=QUICK, **settings):
    config = AwsConfig(region="us-east-1", endpoint_url=proxy.address, **aws)
    return Producer(
        Config(**{"connect_timeout_s": 0, **settings}), transport=target.transport(config)
    )


def dice(seed):
    """Trouble for more than half of the calls, and that of a kind twice."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    kinds = [THROTTLED, DOWN, CUT_BEFORE, CUT_AFTER, NONSENSE, Fate(wait_s=0.05)] * 2
    kinds += [SILENT, SILENT_AFTER]

    def schedule(call):
        if chance.random() < 0.3:
            return chance.choice(kinds)
        failed = [n for n in range(len(call.names)) if chance.random() < 0.2]
        return Fate(failed=frozenset(failed))

    return schedule


def arrived(target, proxy):
    """All that is at the other end, in the order in which it is handed out."""
    names = [name for it in proxy.history.seen for name in it.forwarded]
    return target.read(len(set(names) if target.keeps_order else names))


def test_only_what_failed_is_sent_again_nothing_is_lost_and_keys_keep_their_order(target, proxy):
    proxy.schedule = dice(1)
    producer = publisher(target, proxy, buffer_events=20)
    acks = [
        producer.publish(EmailReceived(email_id=f"k{n % KEYS}", subject=str(n)))
        for n in range(EVENTS)
    ]
    producer.close(60)
    history = proxy.history
    assert [it.error for it in acks if it.error] == []
    assert history.wrong == []
    assert history.told >= {it.event_id for it in acks}
    assert len({fate for _, fate, _ in history.seen}) > 5, "there was no trouble"
    got = arrived(target, proxy)
    assert {name for _, name in got} == {str(n) for n in range(EVENTS)}
    if target.keeps_order:
        assert len(got) == EVENTS
        for key in range(KEYS):
            of_key = [int(name) for k, name in got if k == b"k%d" % key]
            assert of_key == sorted(of_key)


@pytest.fixture
def queue_target(aws, proxy, stack):
    target = ON_AWS["sqs"](aws, proxy.address)
    stack.callback(target.close)
    target.prepare()
    return target


@pytest.mark.parametrize("fate", [DOWN, CUT_BEFORE, NONSENSE], ids=["down", "cut", "nonsense"])
def test_an_outage_is_over_for_a_sender_after_its_longest_wait_and_costs_few_calls(
    queue_target, proxy, fate
):
    asked_at = []
    proxy.schedule = lambda call: asked_at.append(time.monotonic()) or fate
    aws = {"client_attempts": 1, "retry_first_s": 0.05, "retry_max_s": 0.2}
    producer = publisher(queue_target, proxy, aws)
    acks = [producer.publish(EmailReceived(email_id="k", subject=str(n))) for n in range(40)]
    # Four calls at a time, after waits of at least 0.025, 0.05, 0.1 and 0.1 s.
    until(lambda: len(asked_at) > 4 * 4)
    assert asked_at[4 * 4] - asked_at[0] > 0.25
    proxy.heal()
    for ack in acks:
        assert ack.result(30)
    assert proxy.history.wrong == []
    producer.close(5)


def test_closing_is_in_time_while_every_call_hangs_and_leaves_no_thread_or_connection(
    queue_target, proxy
):
    before = {*threading.enumerate()}
    producer = publisher(queue_target, proxy, QUICK)
    assert producer.publish(EmailReceived(email_id="k")).result(30)
    proxy.schedule = lambda call: SILENT
    acks = [producer.publish(EmailReceived(email_id="k")) for _ in range(200)]
    began = time.monotonic()
    with pytest.raises(NotDeliveredError):
        producer.close(0.2)
    assert time.monotonic() - began < 3
    assert {type(it.error) for it in acks} == {TransportError}
    # What hangs ends with its time for an answer.
    until(lambda: not proxy.connections)
    until(lambda: not [it for it in {*threading.enumerate()} - before if it.is_alive()])
