"""Records that are written all or none, by one sender of a name at a time; on native Kafka."""

from __future__ import annotations

import os
import time
from contextlib import closing

import pytest
from confluent_kafka import Producer

from pat_events import Config, KafkaConfig
from pat_events.core.record import Record
from pat_events.errors import (
    ClosedError,
    RecordTooLargeError,
    TopicMissingError,
    TransportTimeoutError,
)
from pat_events.ops.cluster import Cluster
from pat_events.ops.tail import read_stored
from pat_events.testing import EmbeddedBroker
from pat_events.transports.kafka import transactions
from pat_events.transports.kafka.transactions import TransactionalSender
from tests.support.clusters import kafka_config

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def cluster(kafka_broker):
    return Cluster(kafka_config(kafka_broker.bootstrap_servers))


@pytest.fixture
def topic(create_topic, topic_name):
    return create_topic(topic_name, partitions=2, max_message_bytes="10000")


@pytest.fixture
def make(cluster, topic):
    return lambda: TransactionalSender(cluster.kafka, Config(), topic)


def records(topic, *values):
    return [
        Record(topic, value[:1], value, [("name", b"x")], 1_700_000_000_000) for value in values
    ]


def written(cluster, topic):
    ends = cluster.admin().ends([(topic, 0), (topic, 1)])
    return sorted(each.value for each in read_stored(cluster, ends, 1000))


def test_all_of_a_transaction_are_written_as_they_are(cluster, topic, make):
    with closing(make()) as sender:
        sender.send(records(topic, b"a1", b"b1"))
        sender.send(records(topic, b"a2"))
    # A topic that ends in the mark of a transaction is read to its end without a wait.
    began = time.monotonic()
    assert written(cluster, topic) == [b"a1", b"a2", b"b1"]
    assert time.monotonic() - began < 5


def test_none_is_written_where_one_is_too_large_and_the_next_ones_are(cluster, topic, make):
    with closing(make()) as sender:
        with pytest.raises(RecordTooLargeError):
            sender.send(records(topic, b"a1", os.urandom(50_000), b"c1"))
        sender.send(records(topic, b"a2"))
    assert written(cluster, topic) == [b"a2"]


def test_a_topic_that_is_not_there_is_named_as_such(topic, make):
    with closing(make()) as sender, pytest.raises(TopicMissingError, match="topics apply"):
        sender.send(records(f"{topic}-not", b"a1"))


def test_a_sender_is_shut_out_by_the_next_one_of_its_name(cluster, topic, make):
    with closing(make()) as first:
        first.send(records(topic, b"a1"))
        with closing(make()) as second:
            with pytest.raises(ClosedError, match="another process has taken"):
                first.send(records(topic, b"a2"))
            second.send(records(topic, b"a3"))
    assert written(cluster, topic) == [b"a1", b"a3"]


def test_what_a_killed_one_had_begun_is_taken_back_before_the_next_one_is_there(
    cluster, topic, make
):
    killed = Producer(
        {"bootstrap.servers": cluster.kafka.bootstrap_servers, "transactional.id": topic}
    )
    killed.init_transactions(30)
    killed.begin_transaction()
    killed.produce(topic, b"a1")
    assert killed.flush(30) == 0
    with closing(make()) as sender:
        assert written(cluster, topic) == []
        sender.send(records(topic, b"a2"))
    assert written(cluster, topic) == [b"a2"]


def test_room_in_the_buffer_is_not_waited_for_without_end(monkeypatch):
    with EmbeddedBroker() as broker:
        broker.create_topic("mail", 1)
        config = KafkaConfig(bootstrap_servers=broker.bootstrap_servers)
        with closing(TransactionalSender(config, Config(buffer_events=1), "mine")) as sender:
            sender.send(records("mail", b"a1"))
            monkeypatch.setattr(transactions, "_ANSWER_S", 0.5)
            broker.faults.set_round_trip(60)
            began = time.monotonic()
            with pytest.raises(TransportTimeoutError, match="all written, or none"):
                sender.send(records("mail", b"a2", b"a3"))
            assert time.monotonic() - began < 10
            broker.faults.set_round_trip(0)
