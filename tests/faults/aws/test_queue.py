"""Consumers of a queue through a proxy that throttles, fails in part, cuts and hangs."""

from __future__ import annotations

import contextlib
import random
import threading
import time

import pytest

from pat_events import AwsConfig, Config, QueueConsumer, SqsQueue
from pat_events.errors import NotDrainedError
from tests.support.fault_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    DOWN,
    FINE,
    NONSENSE,
    SILENT,
    SILENT_AFTER,
    THROTTLED,
    Fate,
)
from tests.support.queues import left, send_numbered
from tests.support.waiting import until

pytestmark = [pytest.mark.localstack, pytest.mark.usefixtures("quick")]
RECEIVE, DELETE = "ReceiveMessage", "DeleteMessageBatch"
EXTEND = "ChangeMessageVisibilityBatch"


@pytest.fixture
def consume(proxy, stack):
    def start(queue, handlers, *, stop=True, read_timeout_s=5.0, **settings):
        aws = AwsConfig(
            region="us-east-1",
            endpoint_url=proxy.address,
            client_attempts=1,
            read_timeout_s=read_timeout_s,
        )
        settings = {"visibility_s": 2, "drain_timeout_s": 5.0, **settings}
        consumer = QueueConsumer(
            SqsQueue(queue.queue.name, aws), handlers, config=Config(), **settings
        )
        consumer.start()
        if stop:
            stack.callback(consumer.stop)
            stack.callback(proxy.heal)
        return consumer

    return start


def dice(seed):
    """Trouble for every fifth call; what waits for messages hangs never, as that takes long."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    kinds = [THROTTLED, DOWN, CUT_BEFORE, CUT_AFTER, NONSENSE]

    def schedule(call):
        if call.operation not in (RECEIVE, DELETE, EXTEND):
            return FINE
        if chance.random() < 0.2:
            more = [] if call.operation == RECEIVE else [SILENT, SILENT_AFTER]
            return chance.choice(kinds + more)
        failed = [n for n in range(len(call.names)) if chance.random() < 0.1]
        return Fate(failed=frozenset(failed))

    return schedule


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_whatever_fails_each_is_handled_before_it_is_deleted_and_keys_keep_their_order(
    make_queue, sqs, proxy, service, consume, fifo
):
    queue = make_queue(fifo=fifo)
    send_numbered(sqs, queue, 40)
    proxy.schedule = dice(2)
    consume(queue, service.handlers, read_timeout_s=0.5)
    until(lambda: left(sqs, queue) == 0, 60, every_s=0.1)
    assert set(service.numbers()) == set(range(40))
    assert not fifo or service.keys_in_order()


@pytest.mark.parametrize("operation", [RECEIVE, DELETE])
def test_an_answer_that_is_lost_costs_a_wait_and_no_message_is_handled_in_vain(
    make_queue, sqs, proxy, service, consume, operation
):
    queue = make_queue()
    send_numbered(sqs, queue, 20)
    lost = iter([CUT_AFTER, CUT_AFTER])
    proxy.schedule = lambda call: next(lost, FINE) if call.operation == operation else FINE
    consume(queue, service.handlers)
    until(lambda: left(sqs, queue) == 0, every_s=0.05)
    assert service.numbers() == list(range(20))


def test_a_handler_may_take_longer_than_a_message_is_kept_even_if_a_call_that_keeps_it_hangs(
    make_queue, sqs, proxy, service, consume
):
    # Of a FIFO queue LocalStack deletes nothing that was kept for longer than at first.
    queue = make_queue()
    send_numbered(sqs, queue, 1)
    hung = iter([SILENT])
    proxy.schedule = lambda call: next(hung, FINE) if call.operation == EXTEND else FINE
    # An extension takes place when half of the time is over: the second, when all was.
    service.wait = lambda: until(
        lambda: [it.fate for it in proxy.history.named(EXTEND)].count(FINE) > 1
    )
    for _ in range(2):
        consume(queue, service.handlers)
    until(lambda: left(sqs, queue) == 0, every_s=0.05)
    assert service.called == [("k0", 0)]
    assert SILENT in {it.fate for it in proxy.history.named(EXTEND)}


@pytest.mark.parametrize("fate", [DOWN, NONSENSE], ids=["down", "nonsense"])
def test_an_outage_is_asked_about_a_few_times_and_is_over_once_it_is_over(
    make_queue, sqs, proxy, service, consume, fate, caplog
):
    queue = make_queue()
    consume(queue, service.handlers)
    until(lambda: proxy.history.named(RECEIVE))
    asked_at = []

    def refuse(call):
        if call.operation == RECEIVE:
            asked_at.append(time.monotonic())
        return fate

    proxy.schedule = refuse
    send_numbered(sqs, queue, 20)
    until(lambda: len(asked_at) > 2)
    # Two may have been under way; the next is asked half a second later.
    assert asked_at[2] - asked_at[0] > 0.45
    proxy.heal()
    until(lambda: left(sqs, queue) == 0, 10, every_s=0.05)
    assert set(service.numbers()) == set(range(20))
    assert len([it for it in caplog.records if it.name.startswith("pat_events")]) < 6


def test_a_stop_is_in_time_while_every_call_hangs_and_leaves_no_thread_or_connection(
    make_queue, sqs, proxy, service, consume
):
    before = {*threading.enumerate()}
    queue = make_queue()
    send_numbered(sqs, queue, 10)
    consumer = consume(queue, service.handlers, stop=False, drain_timeout_s=1.0, read_timeout_s=0.5)
    until(lambda: consumer.stats().handled)
    proxy.schedule = lambda call: SILENT
    began = time.monotonic()
    with contextlib.suppress(NotDrainedError):
        consumer.stop()
    assert time.monotonic() - began < 4
    # What hangs ends with its time for an answer: 0.5 s, and 1 more where it waits for messages.
    until(lambda: not proxy.connections)
    until(lambda: not [it for it in {*threading.enumerate()} - before if it.is_alive()])


def test_two_consumers_share_a_queue_of_many_groups_and_nothing_is_handled_twice(
    make_queue, sqs, service, consume
):
    queue = make_queue(fifo=True)
    send_numbered(sqs, queue, 200, groups=100)
    settings = {"visibility_s": 30, "max_in_flight": 30}
    consumers = [consume(queue, service.handlers, **settings) for _ in range(2)]
    until(lambda: left(sqs, queue) == 0, 60, every_s=0.1)
    assert service.numbers() == list(range(200))
    assert service.keys_in_order()
    assert all(each.stats().handled for each in consumers)
