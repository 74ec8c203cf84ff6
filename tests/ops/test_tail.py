"""Where tailing begins and what it picks out, on a real broker: an embedded one knows no times."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from pat_events.core.headers import CE_TYPE
from pat_events.errors import ConfigError
from pat_events.ops.cluster import Cluster
from pat_events.ops.tail import AtOffset, Last, RecordFilter, tail
from tests.support.clusters import kafka_config

pytestmark = pytest.mark.kafka

FIRST_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def cluster(kafka_broker):
    return Cluster(kafka_config(kafka_broker.bootstrap_servers))


@pytest.fixture
def topic(cluster, create_topic, topic_name):
    """Five records in each of two partitions, a second apart, of two keys and two types."""
    create_topic(topic_name, partitions=2)
    producer = Producer({"bootstrap.servers": cluster.kafka.bootstrap_servers})
    for partition in range(2):
        for number in range(5):
            producer.produce(
                topic_name,
                f"{partition}-{number}",
                f"key-{number % 2}",
                partition,
                timestamp=FIRST_MS + number * 1000,
                headers={CE_TYPE: f"type-{number % 2}"},
            )
    assert producer.flush(30) == 0
    return topic_name


def read(cluster, topic, **options):
    return sorted(it.value.decode() for it in tail(cluster, [topic], idle_timeout_s=1.0, **options))


def at(milliseconds):
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@pytest.mark.parametrize(
    ("begin", "numbers"),
    [
        ("earliest", [0, 1, 2, 3, 4]),
        ("latest", []),
        (Last(2), [3, 4]),
        (Last(100), [0, 1, 2, 3, 4]),
        (at(FIRST_MS + 3000), [3, 4]),
        (at(FIRST_MS + 2001), [3, 4]),
        (at(0), [0, 1, 2, 3, 4]),
        (at(FIRST_MS + 60_000), []),
    ],
)
def test_each_partition_is_read_from_where_it_is_to_begin(cluster, topic, begin, numbers):
    expected = [f"{partition}-{number}" for partition in range(2) for number in numbers]
    assert read(cluster, topic, begin=begin) == expected


@pytest.mark.parametrize(("offset", "numbers"), [(0, [0, 1, 2, 3, 4]), (4, [4]), (5, [])])
def test_an_offset_is_one_of_a_partition_up_to_that_of_the_next_record(
    cluster, topic, offset, numbers
):
    found = read(cluster, topic, begin=AtOffset(offset), wanted=RecordFilter(partition=1))
    assert found == [f"1-{number}" for number in numbers]


def test_an_offset_that_is_not_there_is_refused_with_those_that_are(cluster, topic):
    with pytest.raises(ConfigError, match=rf"{topic}/1 has no offset 6: it holds offsets 0 to 4"):
        read(cluster, topic, begin=AtOffset(6), wanted=RecordFilter(partition=1))


def test_a_partition_that_is_not_there_is_refused_with_those_that_are(cluster, topic):
    with pytest.raises(ConfigError, match=rf"{topic} has no partition 2, but 0 to 1"):
        read(cluster, topic, begin="earliest", wanted=RecordFilter(partition=2))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (RecordFilter(partition=1), ["1-0", "1-1", "1-2", "1-3", "1-4"]),
        (RecordFilter(key=b"key-1"), ["0-1", "0-3", "1-1", "1-3"]),
        (RecordFilter(full_name="type-0"), ["0-0", "0-2", "0-4", "1-0", "1-2", "1-4"]),
        (RecordFilter(partition=0, key=b"key-1", full_name="type-1"), ["0-1", "0-3"]),
        (RecordFilter(key=b"key-1", full_name="type-0"), []),
        (RecordFilter(key=b""), []),
    ],
)
def test_records_are_picked_out_by_partition_key_and_type(cluster, topic, wanted, expected):
    assert read(cluster, topic, begin="earliest", wanted=wanted) == expected


def test_the_most_records_are_counted_of_those_picked_out(cluster, topic):
    wanted = RecordFilter(partition=0, key=b"key-1")
    assert read(cluster, topic, begin="earliest", wanted=wanted, limit=2) == ["0-1", "0-3"]
    assert read(cluster, topic, begin="earliest", wanted=wanted, limit=1) == ["0-1"]


def test_somebody_who_sees_nothing_for_a_second_is_told_once(cluster, topic):
    told = []
    began = time.monotonic()
    list(tail(cluster, [topic], idle_timeout_s=2.5, on_quiet=lambda: told.append(time.monotonic())))
    assert len(told) == 1
    assert told[0] - began >= 1.0
