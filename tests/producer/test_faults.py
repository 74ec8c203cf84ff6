"""A producer on a broker that breaks: nothing is lost, and failures have names."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from select import select

import pytest
from confluent_kafka import KafkaError

from pat_events import Producer
from pat_events.errors import (
    BufferFullError,
    ClosedError,
    NotDeliveredError,
    TransportError,
    TransportTimeoutError,
    TransportUnavailableError,
)
from pat_events.events import EmailReceived
from pat_events.testing import Api
from pat_events.transports.kafka.logs import RepeatFilter, client_log
from pat_events.transports.kafka.sending_client import SendingClient
from tests.support.clusters import on_kafka
from tests.support.forking import fork

TOPIC = "pat-emails"
DEADLINE_S = 20.0


def publish(producer, count, first=0):
    return [
        producer.publish(EmailReceived(email_id=f"e-{n % 5}", subject=str(n)))
        for n in range(first, first + count)
    ]


def id_of(message):
    return dict(message.headers())["ce_id"].decode()


def test_an_outage_loses_nothing_and_doubles_nothing(broker, kafka_producer, stored):
    producer = kafka_producer()
    acks = publish(producer, 50)
    producer.flush(10)
    broker.faults.broker_down()
    acks += publish(producer, 100, first=50)
    with pytest.raises(NotDeliveredError, match="100 still waiting"):
        producer.flush(0.05)
    broker.faults.broker_up()
    positions = {ack.result(DEADLINE_S) for ack in acks}
    assert len(positions) == 150
    assert Counter(map(id_of, stored(TOPIC, 150))) == Counter(ack.event_id for ack in acks)


def test_an_interrupt_while_reports_come_in_loses_none_of_them(kafka_producer):
    producer = kafka_producer()
    reports = 0

    def strike(frame, event, _):
        nonlocal reports
        if event == "call" and frame.f_code is SendingClient._delivered.__code__:
            reports += 1
            if reports == 5:
                signal.raise_signal(signal.SIGINT)

    def publish_for_ever():
        while True:
            acks.extend(publish(producer, 10))

    acks = []
    sys.setprofile(strike)  # Of this thread alone, where Ctrl-C strikes.
    try:
        with pytest.raises(KeyboardInterrupt):
            publish_for_ever()
    finally:
        sys.setprofile(None)
    producer.flush(DEADLINE_S)
    assert all(ack.done() for ack in acks)


def test_after_a_fatal_error_every_event_arrives_under_its_own_id(broker, kafka_producer, stored):
    producer = kafka_producer()
    publish(producer, 5)
    producer.flush(10)
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    acks = publish(producer, 300, first=5)
    for ack in acks:
        assert ack.result(DEADLINE_S).offset >= 0
    assert producer._sender._client.generation == 1
    producer.flush(5)
    assert {ack.event_id for ack in acks} <= set(map(id_of, stored(TOPIC, 305)))


def test_a_thread_that_waited_for_anothers_rebuild_does_not_rebuild_again(kafka_producer):
    sender = kafka_producer()._sender
    client = sender._client
    lock = client.lock

    class RebuiltMeanwhile:
        def __enter__(self):
            lock.acquire()
            client.is_dead = False

        def __exit__(self, *_):
            lock.release()

    client.lock, client.is_dead = RebuiltMeanwhile(), True
    sender.wait_for_room(0)
    assert client.generation == 0


def test_after_a_rebuild_a_key_is_still_in_order(broker, kafka_producer, stored):
    producer = kafka_producer()
    acks = publish(producer, 100)
    producer.flush(10)
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    acks += publish(producer, 300, first=100)
    for ack in acks:
        ack.result(DEADLINE_S)
    assert producer._sender._client.generation >= 1
    by_key = {}
    for message in stored(TOPIC, 400):
        by_key.setdefault(message.key(), []).append(message)
    for messages in by_key.values():
        messages.sort(key=lambda it: it.offset())
        numbers = [int(EmailReceived.FromString(it.value()).subject) for it in messages]
        # What the old client had delivered may be there twice: the first of each is in order.
        first = list(dict.fromkeys(numbers))
        assert first == sorted(first)
        assert len(first) == 80


def test_a_callback_that_publishes_during_a_rebuild_is_served(broker, kafka_producer):
    producer = kafka_producer()
    publish(producer, 1)
    producer.flush(10)
    answers = []
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    acks = publish(producer, 200)
    for ack in acks:
        ack.add_done_callback(lambda _: answers.extend(publish(producer, 1)))
    for ack in acks:
        ack.result(DEADLINE_S)
    deadline = time.monotonic() + DEADLINE_S
    while len(answers) < 200:
        assert time.monotonic() < deadline
        producer._sender.wait_for_room(0.01)
    for answer in answers:
        answer.result(DEADLINE_S)


def test_callbacks_may_publish_as_much_as_they_like(broker, kafka_producer):
    producer = kafka_producer(buffer_events=5_000)
    answers = []
    # Far more than the sender settles at once, so that some call falls into a callback.
    for ack in publish(producer, 600):
        ack.add_done_callback(lambda _: answers.extend(publish(producer, 2)))
    deadline = time.monotonic() + DEADLINE_S
    while len(answers) < 1_200:
        assert time.monotonic() < deadline
        producer._sender.wait_for_room(0.01)
    for answer in answers:
        answer.result(DEADLINE_S)


def test_a_callback_never_waits_for_room_that_it_keeps_from_being_made(broker, kafka_producer):
    producer = kafka_producer(buffer_events=1, publish_timeout_s=3600)
    refused = []

    def answer(_):
        try:
            publish(producer, 2)
        except BufferFullError as error:
            refused.append(error)

    broker.faults.broker_down()  # or it might be acknowledged before it has its callback
    (ack,) = publish(producer, 1)
    ack.add_done_callback(answer)
    broker.faults.broker_up()
    ack.result(DEADLINE_S)
    deadline = time.monotonic() + DEADLINE_S
    while not refused:
        assert time.monotonic() < deadline
        producer._sender.wait_for_room(0.01)
    assert "callback" in str(refused[0])


def test_a_cluster_that_refuses_every_producer_is_reported_in_bounded_time(broker, kafka_producer):
    producer = kafka_producer(delivery_timeout_s=3)
    publish(producer, 1)
    producer.flush(10)
    refusals = [KafkaError.CLUSTER_AUTHORIZATION_FAILED] * 1000
    broker.faults.push_request_errors(Api.INIT_PRODUCER_ID, *refusals)
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    # Of one key, so that all of them meet the error or come after it.
    acks = [producer.publish(EmailReceived(email_id="e")) for _ in range(10)]
    begin = time.monotonic()
    for ack in acks:
        # By the sender, or by the client at hand when their time was over.
        with pytest.raises(TransportError, match=r"CLUSTER_AUTHORIZATION_FAILED|_MSG_TIMED_OUT"):
            ack.result(DEADLINE_S)
    assert time.monotonic() - begin < 10
    assert producer._sender._client.generation < 20, "it asked again and again without a pause"
    with pytest.raises(NotDeliveredError, match="10 failed"):
        producer.flush(30)
    broker.faults.clear()
    for ack in publish(producer, 10):
        assert ack.result(DEADLINE_S)


def test_an_event_is_given_up_after_the_delivery_timeout(broker, kafka_producer):
    producer = kafka_producer(delivery_timeout_s=0.3)
    broker.faults.broker_down()
    (ack,) = publish(producer, 1)
    with pytest.raises(TransportTimeoutError, match=f"sending to {TOPIC} at 127"):
        ack.result(DEADLINE_S)
    with pytest.raises(NotDeliveredError) as told:
        producer.flush(30)
    assert told.value.event_ids == (ack.event_id,)


def test_a_topic_we_may_not_write_to_is_a_named_error(broker, kafka_producer):
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    producer = kafka_producer()
    (ack,) = publish(producer, 1)
    with pytest.raises(TransportError, match="TOPIC_AUTHORIZATION_FAILED"):
        ack.result(DEADLINE_S)
    with pytest.raises(NotDeliveredError):
        producer.flush(30)


def test_close_is_bounded_by_its_timeout_and_says_what_was_given_up(broker, kafka_producer):
    producer = kafka_producer()
    publish(producer, 1)
    producer.flush(10)
    broker.faults.broker_down()
    acks = publish(producer, 20)
    begin = time.monotonic()
    with pytest.raises(NotDeliveredError, match="20 given up") as told:
        producer.close(0.1)
    assert time.monotonic() - begin < 5
    assert set(told.value.event_ids) == {ack.event_id for ack in acks}
    for ack in acks:
        with pytest.raises(TransportError, match="not acknowledged before close"):
            ack.result(0)


def test_flush_does_not_wait_for_what_is_published_meanwhile(broker, kafka_producer):
    producer = kafka_producer()
    publish(producer, 1)
    producer.flush(10)
    broker.faults.set_round_trip(0.1)
    stop = threading.Event()

    def go_on():
        while not stop.wait(0.001):  # an answer takes longer: something always waits
            producer.publish(EmailReceived(email_id="e"))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        acks = publish(producer, 100)
        producer.flush(10)
        assert all(ack.done() for ack in acks)
    finally:
        stop.set()
        thread.join(10)
    producer.flush(20)


def test_no_broker_is_said_at_the_start_with_its_address():
    begin = time.monotonic()
    with pytest.raises(TransportUnavailableError, match=r"127\.0\.0\.1:1 within 0\.3 s"):
        Producer(**on_kafka("127.0.0.1:1", connect_timeout_s=0.3))
    assert time.monotonic() - begin < 5


def refused(call):
    try:
        call()
    except ClosedError as error:
        return "fork()" in str(error)
    return False


def in_child(job):
    """What ``work`` returned in a child process; None when it did not return."""
    read_end, write_end = os.pipe()
    child = fork()
    if child == 0:
        try:
            os.write(write_end, job())
        finally:
            os._exit(0)
    os.close(write_end)
    answer = os.read(read_end, 100) if select([read_end], [], [], DEADLINE_S)[0] else None
    if answer is None:
        os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(read_end)
    return answer


def test_a_child_may_log_though_another_thread_was_logging_at_the_fork():
    (repeats,) = (it for it in client_log.filters if isinstance(it, RepeatFilter))
    record = logging.LogRecord("n", logging.WARNING, "p", 1, "from the child", None, None)
    with repeats._lock:
        assert in_child(lambda: b"shown" if repeats.filter(record) else b"hidden") == b"shown"


def test_a_producer_says_that_it_does_not_survive_a_fork(broker, kafka_producer):
    producer = kafka_producer()
    broker.faults.broker_down()
    (pending,) = publish(producer, 1)
    producer._sender._client.lock.acquire()  # As another thread may hold it at the fork.
    read_end, write_end = os.pipe()
    child = fork()
    if child == 0:
        calls = (
            lambda: publish(producer, 1),
            lambda: pending.result(None),
            lambda: producer.flush(30),
            lambda: producer._sender.wait_for_room(0),
        )
        os.write(write_end, b"".join(b"1" if refused(it) else b"0" for it in calls))
        producer.close()
        os.write(write_end, b"c")
        os._exit(0)
    producer._sender._client.lock.release()
    answer = b""
    while len(answer) < 5 and select([read_end], [], [], DEADLINE_S)[0]:
        answer += os.read(read_end, 5)
    if len(answer) < 5:
        os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(read_end)
    os.close(write_end)
    assert answer == b"1111c"
    broker.faults.broker_up()
    assert pending.result(DEADLINE_S)


def test_closing_refuses_first_so_that_nothing_taken_is_given_up(kafka_producer, monkeypatch):
    producer = kafka_producer()
    flush = producer._sender.flush

    def flush_while_another_publishes(timeout_s):
        with pytest.raises(ClosedError):
            publish(producer, 1)
        return flush(timeout_s)

    publish(producer, 1)
    monkeypatch.setattr(producer._sender, "flush", flush_while_another_publishes)
    producer.close(10)


UNCLOSED = """
import sys
from pat_events import KafkaConfig, KafkaTransport, Producer
from pat_events.events import EmailReceived
config = KafkaConfig(bootstrap_servers=sys.argv[1], linger_s=0.5)
producer = Producer(transport=KafkaTransport(config))
for number in range(100):
    producer.publish(EmailReceived(email_id=f"e-{number}"))
"""


def test_a_process_that_ends_without_closing_delivers_what_it_published(broker, stored):
    subprocess.run(
        [sys.executable, "-c", UNCLOSED, broker.bootstrap_servers], check=True, timeout=60
    )
    assert len(stored(TOPIC, 100)) == 100
