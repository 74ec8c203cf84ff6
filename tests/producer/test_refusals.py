"""What is told of events that cannot be sent: why, and what to do about it."""

from __future__ import annotations

import threading
import time

import pytest
from confluent_kafka import KafkaError

from pat_events import Config, KafkaConfig
from pat_events.errors import (
    BufferFullError,
    NotDeliveredError,
    RecordTooLargeError,
    TransportError,
    TransportTimeoutError,
)
from pat_events.events import EmailReceived
from pat_events.testing import Api
from pat_events.transports.kafka import KafkaTransport
from pat_events.transports.sending import Outgoing

DEADLINE_S = 20.0
LARGE = Outgoing("pat-emails", b"k", bytes(2_000_000), [], 1_700_000_000_000)


@pytest.fixture
def publish(kafka_producer):
    """Publishes one event with producers of the given settings; its failure is expected."""
    producers = []

    def publish(**settings):
        producers.append(kafka_producer(**settings))
        return producers[-1].publish(EmailReceived(email_id="e"))

    yield publish
    for producer in producers:
        with pytest.raises(NotDeliveredError):
            producer.flush(DEADLINE_S)


@pytest.mark.parametrize("waiting", [0, 1])
def test_what_is_larger_than_the_whole_buffer_is_too_large_and_not_waited_for(
    broker, kafka_producer, waiting
):
    producer = kafka_producer(buffer_bytes=1_100_000)
    broker.faults.broker_down()
    for _ in range(waiting):
        producer.publish(EmailReceived(email_id="e"))
    with pytest.raises(RecordTooLargeError, match=r"2000000 bytes .*\(1100000 bytes, buffer_bytes"):
        producer._sender.send(LARGE)


def test_what_has_no_room_now_is_still_a_full_buffer(broker, kafka_producer):
    producer = kafka_producer(buffer_bytes=2_100_000)
    broker.faults.broker_down()
    producer._sender.send(LARGE)
    with pytest.raises(BufferFullError):
        producer._sender.send(Outgoing("pat-emails", b"k", bytes(2_000_000), [], 1))


def test_what_the_client_is_told_to_refuse_is_too_large(kafka_producer):
    producer = kafka_producer(client_properties={"message.max.bytes": "1000000"})
    with pytest.raises(RecordTooLargeError, match=r"has 2000000 bytes, .* message\.max\.bytes"):
        producer._sender.send(LARGE)


def test_what_a_broker_finds_too_large_is_too_large(broker, publish):
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
    with pytest.raises(RecordTooLargeError, match=r"MSG_SIZE_TOO_LARGE.*max\.message\.bytes"):
        publish().result(DEADLINE_S)


def test_a_topic_we_may_not_write_to_names_the_right(broker, publish):
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(TransportError, match=r"allow Write on the topic .*WriteData"):
        publish().result(DEADLINE_S)


def test_a_cluster_that_refuses_the_producer_names_the_right(broker, publish):
    refusals = [KafkaError.CLUSTER_AUTHORIZATION_FAILED] * 100
    broker.faults.push_request_errors(Api.INIT_PRODUCER_ID, *refusals)
    with pytest.raises(TransportTimeoutError, match=r"IdempotentWrite .*WriteDataIdempotently"):
        publish(delivery_timeout_s=2).result(DEADLINE_S)


def test_an_event_that_waited_in_vain_tells_how_long_and_why(broker, publish):
    broker.faults.broker_down()
    with pytest.raises(TransportTimeoutError) as told:
        publish(delivery_timeout_s=0.5, connect_timeout_s=0).result(DEADLINE_S)
    assert "not acknowledged within 0." in str(told.value)
    assert "brokers are down" not in str(told.value)
    assert "Connection refused" in str(told.value)


def test_publishing_and_giving_up_go_on_while_nobody_hands_out_a_token():
    asked, go_on = threading.Event(), threading.Event()

    def token(_):
        if first:
            return first.pop(), time.time() + 3600
        asked.set()
        go_on.wait(DEADLINE_S)
        return "token", time.time() + 3600

    first = ["token"]
    config = KafkaConfig(
        bootstrap_servers="127.0.0.1:1",
        client_properties={
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanisms": "OAUTHBEARER",
            "oauth_cb": token,
        },
    )
    sender = KafkaTransport(config).sender(Config(delivery_timeout_s=0.5))
    try:
        events = [Outgoing("t", b"k", b"1", [], 1), Outgoing("t", b"k", b"2", [], 1)]
        sender.send(events[0])
        sender._client.note_error(KafkaError(KafkaError._FATAL, "forced", True))  # noqa: FBT003
        assert asked.wait(DEADLINE_S)
        sender.send(events[1])
        assert [it for it in sender.flush(DEADLINE_S) if not it.settled] == []
        assert not go_on.is_set()
        assert {type(it.error) for it in events} == {TransportTimeoutError}
    finally:
        go_on.set()
        sender.close(0)
