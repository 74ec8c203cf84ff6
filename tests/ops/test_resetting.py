"""Setting where a group goes on."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Consumer, TopicPartition

from pat_events.catalog.load import load_catalog
from pat_events.catalog.model import DeadLetters, Group, Topic
from pat_events.config import Config
from pat_events.errors import ConfigError, TransportError
from pat_events.ops.cluster import Cluster
from pat_events.ops.lag import lag
from pat_events.ops.resetting import Move, apply, plan
from pat_events.transports.kafka import KafkaTransport, properties
from pat_events.transports.kafka.topics import Mark
from pat_events.transports.sending import Outgoing
from tests.support.clusters import kafka_config
from tests.support.waiting import until

pytestmark = pytest.mark.kafka
PROTOCOLS = pytest.mark.parametrize("protocol", ["classic", "consumer"])


@pytest.fixture
def topic(create_topic):
    return create_topic(f"reset-{uuid.uuid4().hex[:10]}", partitions=2)


@pytest.fixture
def group(topic):
    return f"{topic}-readers"


@pytest.fixture
def catalog(topic, group):
    """A catalogue of one topic with one group that reads it."""
    packaged = load_catalog()
    event = dataclasses.replace(packaged.events["EmailReceived"], topic=topic)
    return dataclasses.replace(
        packaged,
        topics={topic: Topic(topic, 2, 7)},
        dead_letters=DeadLetters(partitions=1, retention_days=30),
        events={"EmailReceived": event},
        groups={group: Group(group, ("EmailReceived",))},
    )


@pytest.fixture
def cluster(kafka_broker):
    return Cluster(kafka_config(kafka_broker.bootstrap_servers))


def write(cluster, topic, *times_ms):
    """Write one record for each time; returns the pairs of partition and offset."""
    sender = KafkaTransport(cluster.kafka).sender(Config())
    records = [Outgoing(topic, b"k", b"v", [], time_ms) for time_ms in times_ms]
    for record in records:
        sender.send(record)
    sender.close(30)
    assert all(record.place for record in records), [record.error for record in records]
    return [record.place for record in records]


def committed(cluster, group, topic):
    client = Consumer(properties.consumer(cluster.kafka, group, lambda _: None))
    try:
        found = client.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], timeout=10)
    finally:
        client.close()
    return [(position.offset, position.metadata) for position in found]


def reset(cluster, catalog, group, to, **only):
    found = plan(cluster, catalog, group, to, **only)
    apply(cluster, found)
    return found


def test_what_is_planned_changes_nothing_until_it_is_applied(cluster, catalog, topic, group):
    [(partition, _), *_] = write(cluster, topic, *range(1, 6))
    found = plan(cluster, catalog, group, "latest")
    assert [move.before for move in found.moves] == [None, None]
    assert sum(move.skipped for move in found.moves) == 5
    assert committed(cluster, group, topic) == [(-1001, None)] * 2
    apply(cluster, found)
    assert committed(cluster, group, topic)[partition][0] == 5
    assert not plan(cluster, catalog, group, "latest").changes


def test_going_back_counts_what_comes_again_and_what_is_left(cluster, catalog, topic, group):
    [(partition, _), *_] = write(cluster, topic, *range(1, 6))
    reset(cluster, catalog, group, "latest")
    only = {"topics": [topic], "partitions": [partition]}
    [move] = reset(cluster, catalog, group, 2, **only).moves
    assert (move.before, move.after, move.lag, move.again, move.skipped) == (5, 2, 3, 3, 0)
    [move] = reset(cluster, catalog, group, "earliest", **only).moves
    assert (move.before, move.after, move.lag, move.again, move.skipped) == (2, 0, 5, 2, 0)


def test_a_retry_topic_is_left_alone_unless_it_is_named(
    cluster, catalog, topic, group, create_topic
):
    retry = create_topic(f"{topic}.{group}.retry", partitions=1)
    write(cluster, retry, 1)
    [move] = reset(cluster, catalog, group, "latest", topics=[retry]).moves
    assert (move.topic, move.after) == (retry, 1)
    assert {it.topic for it in plan(cluster, catalog, group, "earliest").moves} == {topic}
    [move] = plan(cluster, catalog, group, "earliest", topics=[retry]).moves
    assert move.again == 1


def test_what_waits_in_a_retry_topic_is_lag(cluster, catalog, topic, group, create_topic):
    retry = create_topic(f"{topic}.{group}.retry", partitions=1)
    create_topic(f"{topic}.another.{group}.retry", partitions=1)
    write(cluster, retry, 1, 2)
    rows = lag(cluster, catalog, [group])[group]
    assert [(it.topic, it.lag) for it in rows] == [(topic, 0), (topic, 0), (retry, 2)]


def test_a_time_is_its_first_record_or_the_end(cluster, catalog, topic, group):
    noon = datetime(2026, 11, 27, 12, tzinfo=UTC)
    minutes = [noon + timedelta(minutes=number) for number in range(3)]
    [(partition, _), *_] = write(cluster, topic, *(int(m.timestamp() * 1000) for m in minutes))
    only = {"topics": [topic], "partitions": [partition]}
    between = plan(cluster, catalog, group, noon + timedelta(seconds=30), **only)
    assert [move.after for move in between.moves] == [1]
    late = plan(cluster, catalog, group, noon + timedelta(days=1), **only)
    assert [move.after for move in late.moves] == [3]


def test_a_position_that_is_set_says_of_which_topic_it_is(cluster, catalog, topic, group):
    reset(cluster, catalog, group, "latest")
    marks = [Mark.parse(metadata) for _, metadata in committed(cluster, group, topic)]
    assert [mark.partitions for mark in marks] == [2, 2]
    assert len(marks[0].topic) > 1


@pytest.mark.parametrize(
    ("beside", "count"),
    [("of another tool", 0), (str(Mark("elsewhere", "other", 1)), 1)],
)
def test_when_a_group_began_stays_known(cluster, catalog, topic, group, beside, count):
    write(cluster, topic, 1, 2)
    client = Consumer(properties.consumer(cluster.kafka, group, lambda _: None))
    client.commit(
        offsets=[TopicPartition(topic, number, 0, beside) for number in (0, 1)],
        asynchronous=False,
    )
    client.close()
    [move] = reset(cluster, catalog, group, "latest").changes
    mark = Mark.parse(committed(cluster, group, topic)[move.partition][1])
    assert mark.partitions == count


def test_a_position_in_a_topic_that_was_deleted_is_none(cluster, catalog, topic, group):
    reset(cluster, catalog, group, "latest")
    mark = Mark.parse(committed(cluster, group, topic)[0][1])
    client = Consumer(properties.consumer(cluster.kafka, group, lambda _: None))
    deleted = str(dataclasses.replace(mark, topic="B" * 22))
    client.commit(offsets=[TopicPartition(topic, 0, 0, deleted)], asynchronous=False)
    client.close()
    found = reset(cluster, catalog, group, "earliest")
    assert [move.before for move in found.moves] == [None, 0]
    assert committed(cluster, group, topic)[0] == (0, str(mark))


@PROTOCOLS
def test_nothing_is_set_while_somebody_is_in_the_group(
    kafka_broker, catalog, topic, group, protocol
):
    cluster = Cluster(kafka_config(kafka_broker.bootstrap_servers, protocol))
    write(cluster, topic, 1)
    before = plan(cluster, catalog, group, "latest")
    member = Consumer(properties.consumer(cluster.kafka, group, lambda _: None))
    try:
        member.subscribe([topic])
        until(lambda: member.poll(0.1) or len(member.assignment()) == 2)
        found = plan(cluster, catalog, group, "latest")
        stop = rf"has 1 member.*stop pat-events-{group} on 127\.0\.0\.1"
        with pytest.raises(TransportError, match=stop):
            apply(cluster, found)
        # It joined after the plan was made.
        with pytest.raises(TransportError, match="a member has joined the group meanwhile"):
            apply(cluster, before)
        assert committed(cluster, group, topic) == [(-1001, None)] * 2
    finally:
        member.close()
    apply(cluster, before)
    assert plan(cluster, catalog, group, "latest").changes == ()


def test_what_is_not_there_is_refused_with_what_is(cluster, catalog, topic, group):
    def refused(name, to="latest", **only):
        with pytest.raises(ConfigError) as raised:
            plan(cluster, catalog, name, to, **only)
        return str(raised.value)

    assert f"did you mean '{group}'" in refused(f"{group}s")
    assert f"did you mean '{topic}'" in refused(group, topics=[f"{topic}s"])
    assert "has no partition 2: it has 0 to 1" in refused(group, partitions=[2])
    assert "an offset is of one partition, and these are 2" in refused(group, 0)
    assert "has no offset 9: it has 0 to 0" in refused(group, 9, partitions=[0])


@pytest.mark.parametrize(
    ("before", "after", "again", "skipped"),
    [
        (None, 5, 0, 3),  # what was stored before it is never met
        (None, 2, 0, 0),
        (1, 2, 0, 0),  # retention was quicker than the group
        (7, 4, 3, 0),
        (7, 9, 0, 2),
        (99, 9, 0, 0),  # past the end
    ],
)
def test_only_what_is_stored_counts(before, after, again, skipped):
    move = Move("t", 0, before, after, low=2, end=9)
    assert (move.again, move.skipped) == (again, skipped)
