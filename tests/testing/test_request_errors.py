"""Request errors: each does to a plain client what its description says."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pat_events.testing import Api


def test_retriable_produce_errors_are_retried_by_the_client(broker, ends) -> None:
    producer = ends.producer(enable_idempotence=True)
    broker.faults.push_request_errors(
        Api.PRODUCE, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.REQUEST_TIMED_OUT
    )
    ends.publish(producer, "letters", 10)
    assert producer.flush(15) == 0
    assert ends.acked == list(range(10))


def test_each_pushed_error_meets_one_request(broker, ends) -> None:
    producer = ends.producer(retries=0)
    broker.faults.push_request_errors(
        Api.PRODUCE, KafkaError.INVALID_RECORD, KafkaError.MSG_SIZE_TOO_LARGE
    )
    for _ in range(3):
        ends.publish(producer, "letters")
        assert producer.flush(15) == 0
    assert [error.code() for error in ends.failed] == [
        KafkaError.INVALID_RECORD,
        KafkaError.MSG_SIZE_TOO_LARGE,
    ]
    assert ends.acked == [0]


def test_a_permanent_error_fails_the_whole_batch(broker, ends) -> None:
    producer = ends.producer(linger_ms=200)
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
    ends.publish(producer, "letters", 5)
    assert producer.flush(15) == 0
    assert len(ends.failed) == 5


def test_a_sequence_error_is_fatal_to_an_idempotent_producer(broker, ends) -> None:
    producer = ends.producer(enable_idempotence=True)
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    producer.produce("letters", b"0")
    with pytest.raises(KafkaException) as caught:
        producer.flush(15)
    assert caught.value.args[0].fatal()


def test_a_transport_error_closes_the_connection_and_loses_nothing(broker, ends) -> None:
    producer = ends.producer(enable_idempotence=True)
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError._TRANSPORT)
    ends.publish(producer, "letters", 10)
    assert producer.flush(15) == 0
    assert ends.acked == list(range(10))


def test_cleared_errors_meet_no_request(broker, ends) -> None:
    producer = ends.producer(retries=0)
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
    broker.faults.clear_request_errors(Api.PRODUCE)
    ends.publish(producer, "letters")
    assert producer.flush(15) == 0
    assert ends.failed == []


def test_a_fetch_error_arrives_as_a_message(broker, ends) -> None:
    producer = ends.producer()
    ends.publish(producer, "letters")
    assert producer.flush(15) == 0
    broker.faults.push_request_errors(Api.FETCH, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    consumer = ends.consumer()
    consumer.assign([TopicPartition("letters", 0, 0)])
    (message,) = ends.read(consumer, bool)
    assert message.error().code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_commit_error_is_raised(broker, ends) -> None:
    consumer = ends.consumer()
    broker.faults.push_request_errors(Api.OFFSET_COMMIT, KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException) as caught:
        consumer.commit(offsets=[TopicPartition("letters", 0, 1)], asynchronous=False)
    assert caught.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED


def test_a_member_unknown_to_the_coordinator_loses_its_partitions_and_joins_again(
    broker, ends
) -> None:
    seen: list[str] = []
    consumer = ends.consumer(session_timeout_ms=1000, heartbeat_interval_ms=100)
    consumer.subscribe(
        ["letters"],
        on_assign=lambda *_: seen.append("assigned"),
        on_revoke=lambda *_: seen.append("revoked"),
        on_lost=lambda *_: seen.append("lost"),
    )
    deadline = time.monotonic() + 60
    # On a busy machine a session of a second may end by itself as well.
    while "assigned" not in seen[2:]:
        assert time.monotonic() < deadline, seen
        if seen == ["assigned"]:
            broker.faults.push_request_errors(Api.HEARTBEAT, KafkaError.UNKNOWN_MEMBER_ID)
        consumer.poll(0.05)
        if "lost" in seen:
            broker.faults.clear_request_errors(Api.HEARTBEAT)
    assert seen[:2] == ["assigned", "lost"]
