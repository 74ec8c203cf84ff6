"""Every fault does to a plain client what its description says."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaError, TopicPartition

from pat_events.errors import ConfigError
from pat_events.testing import Api
from tests.support.waiting import until

three = pytest.mark.parametrize("broker", [3], indirect=True)


def test_records_published_while_all_brokers_are_down_are_acknowledged_after(broker, ends) -> None:
    producer = ends.producer(enable_idempotence=True)
    broker.faults.broker_down()
    ends.publish(producer, "letters", 100)
    assert producer.flush(0.5) == 100
    until(lambda: producer.poll(0.05) or KafkaError._ALL_BROKERS_DOWN in ends.reported)
    broker.faults.broker_up()
    assert producer.flush(30) == 0
    assert ends.acked == list(range(100))


def test_a_producer_gives_up_on_a_broker_that_stays_down(broker, ends) -> None:
    producer = ends.producer(delivery_timeout_ms=300)
    broker.faults.broker_down()
    ends.publish(producer, "letters")
    assert producer.flush(30) == 0
    assert [error.code() for error in ends.failed] == [KafkaError._MSG_TIMED_OUT]


@three
def test_a_partition_led_by_another_broker_works_while_one_is_down(broker, ends) -> None:
    broker.create_topic("notes", partitions=1)
    broker.faults.move_leader("letters", 0, 2)
    broker.faults.move_leader("notes", 0, 3)
    broker.faults.broker_down(3)
    producer = ends.producer()
    ends.publish(producer, "letters")
    ends.publish(producer, "notes")
    deadline = time.monotonic() + 30
    while not ends.acked:
        assert time.monotonic() < deadline
        producer.poll(0.05)
    assert producer.flush(0.2) == 1
    broker.faults.broker_up(3)
    assert producer.flush(30) == 0


def test_a_round_trip_delays_the_acknowledgement(broker, ends) -> None:
    producer = ends.producer()
    ends.publish(producer, "letters")
    assert producer.flush(30) == 0
    broker.faults.set_round_trip(0.3)
    started = time.monotonic()
    ends.publish(producer, "letters")
    assert producer.flush(30) == 0
    assert time.monotonic() - started >= 0.3


def test_clear_ends_a_round_trip_for_consumers_that_wait(broker, ends) -> None:
    consumer = ends.consumer()
    consumer.assign([TopicPartition("letters", 0, 0)])
    producer = ends.producer()
    ends.publish(producer, "letters")
    ends.read(consumer, bool)
    broker.faults.set_round_trip(60)
    assert consumer.poll(0.3) is None
    broker.faults.clear()
    ends.publish(producer, "letters")
    ends.read(consumer, bool)


@three
def test_a_moved_leader_costs_no_record(broker, ends) -> None:
    producer = ends.producer(enable_idempotence=True)
    for leader in (1, 2, 3):
        broker.faults.move_leader("letters", 0, leader)
        ends.publish(producer, "letters", 10)
        assert producer.list_topics("letters", 15).topics["letters"].partitions[0].leader == leader
    assert producer.flush(30) == 0
    assert ends.acked == list(range(30))


@three
def test_a_partition_without_a_leader_makes_producers_wait(broker, ends) -> None:
    producer = ends.producer(enable_idempotence=True)
    broker.faults.move_leader("letters", 0, None)
    ends.publish(producer, "letters")
    assert producer.flush(0.3) == 1
    broker.faults.move_leader("letters", 0, 3)
    assert producer.flush(30) == 0
    assert ends.acked == [0]


@three
def test_a_group_survives_the_move_of_its_coordinator(broker, ends) -> None:
    broker.faults.move_coordinator("readers", 1)
    consumer = ends.consumer(session_timeout_ms=6000, heartbeat_interval_ms=100)
    producer = ends.producer()
    ends.publish(producer, "letters")
    consumer.subscribe(["letters"])
    ends.read(consumer, bool)
    broker.faults.move_coordinator("readers", 2)
    broker.faults.broker_down(1)
    broker.faults.move_leader("letters", 0, 3)
    ends.publish(producer, "letters")
    ends.read(consumer, bool)
    assert consumer.commit(asynchronous=False)[0].offset == 2


@pytest.mark.parametrize(
    "error", [KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED]
)
def test_a_topic_in_error_fails_the_records_for_it(broker, ends, error) -> None:
    broker.faults.set_topic_error("letters", error)
    producer = ends.producer(topic_metadata_propagation_max_ms=0)
    ends.publish(producer, "letters")
    assert producer.flush(30) == 0
    assert [failed.code() for failed in ends.failed] == [error]


def test_a_healed_topic_takes_records(broker, ends) -> None:
    broker.faults.set_topic_error("letters", KafkaError.TOPIC_AUTHORIZATION_FAILED)
    broker.faults.set_topic_error("letters", KafkaError.NO_ERROR)
    producer = ends.producer()
    ends.publish(producer, "letters")
    assert producer.flush(30) == 0
    assert ends.acked == [0]


def test_a_subscription_to_a_topic_in_error_returns_it_as_a_message(broker, ends) -> None:
    broker.faults.set_topic_error("letters", KafkaError.UNKNOWN_TOPIC_OR_PART)
    consumer = ends.consumer()
    consumer.subscribe(["letters"])
    (message,) = ends.read(consumer, bool)
    assert message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_deleted_records_put_a_consumer_out_of_range(broker, ends) -> None:
    producer = ends.producer()
    for _ in range(4):
        ends.publish(producer, "letters")
        assert producer.flush(30) == 0
    broker.faults.delete_records("letters", 0, 3)
    consumer = ends.consumer(auto_offset_reset="error")
    consumer.assign([TopicPartition("letters", 0, 1)])
    (message,) = ends.read(consumer, bool)
    assert message.error().code() == KafkaError._AUTO_OFFSET_RESET
    assert consumer.get_watermark_offsets(TopicPartition("letters", 0), 15) == (3, 4)


def test_a_deleted_topic_is_gone_with_its_records(broker, ends) -> None:
    producer = ends.producer()
    ends.publish(producer, "letters")
    assert producer.flush(30) == 0
    broker.faults.delete_topic("letters")
    assert "letters" not in ends.consumer().list_topics(timeout=15).topics
    broker.create_topic("letters", partitions=1)
    assert ends.consumer().get_watermark_offsets(TopicPartition("letters", 0), 15) == (0, 0)


def test_a_deleted_topic_is_revoked_from_its_consumers(broker, ends) -> None:
    seen: list[str] = []
    consumer = ends.consumer(topic_metadata_refresh_interval_ms=200)
    consumer.subscribe(
        ["letters"],
        on_assign=lambda *_: seen.append("assigned"),
        on_revoke=lambda *_: seen.append("revoked"),
    )
    deadline = time.monotonic() + 30
    while seen != ["assigned", "revoked"]:
        assert time.monotonic() < deadline, seen
        message = consumer.poll(0.05)
        if message is not None:
            assert message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART
        elif seen == ["assigned"] and "letters" in consumer.list_topics(timeout=15).topics:
            broker.faults.delete_topic("letters")


def test_clear_heals_everything_but_what_was_moved_or_deleted(broker, ends) -> None:
    broker.faults.broker_down()
    broker.faults.set_round_trip(30)
    broker.faults.push_request_errors(Api.PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
    broker.faults.set_topic_error("letters", KafkaError.TOPIC_AUTHORIZATION_FAILED)
    broker.faults.clear()
    producer = ends.producer()
    ends.publish(producer, "letters")
    assert producer.flush(30) == 0
    assert ends.acked == [0]


@pytest.mark.parametrize(
    ("refused", "because"),
    [
        (lambda faults: faults.broker_down(2), "ids are 1 to 1"),
        (lambda faults: faults.broker_up(0), "ids are 1 to 1"),
        (lambda faults: faults.set_round_trip(-1), "0 or more seconds"),
        (lambda faults: faults.push_request_errors(Api.FETCH), "at least one error code"),
        (lambda faults: faults.move_leader("letters", -1, 1), "0 or more"),
        (lambda faults: faults.move_leader("letters", 1, 1), "Unknown topic or partition"),
        (lambda faults: faults.move_leader("letters", 0, 2), "ids are 1 to 1"),
        (lambda faults: faults.move_coordinator("readers", 2), "ids are 1 to 1"),
        (lambda faults: faults.delete_topic("absent"), "Unknown topic or partition"),
        (lambda faults: faults.delete_records("absent", 0, 1), "Unknown topic or partition"),
        (lambda faults: faults.delete_records("letters", 1, 1), "Unknown topic or partition"),
        (lambda faults: faults.delete_records("letters", 0, 1), "out of range"),
    ],
)
def test_a_fault_that_fits_nothing_is_refused(broker, refused, because) -> None:
    with pytest.raises(ConfigError, match=because):
        refused(broker.faults)
