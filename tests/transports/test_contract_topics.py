"""What every transport must do for a group of two topics: their partitions share numbers only."""

from __future__ import annotations

import pytest

from pat_events.transports.memory import MemoryBroker, MemoryTransport


@pytest.fixture
def topics(cluster):
    return [cluster.topic(partitions=2), cluster.topic(partitions=2)]


def positions(member):
    return {(it.topic, it.partition, it.offset) for it in member.got}


def of_one_partition(cluster, topic, count):
    """Send records of one key; returns their partition."""
    (partition,) = {it.partition for it in cluster.send(topic, count, b"k")}
    return topic, partition


def test_each_topic_has_positions_of_its_own(cluster, topics):
    one, other = (of_one_partition(cluster, topic, 5) for topic in topics)
    assert one[1] == other[1]
    group = f"{topics[0]}-group"
    first = cluster.member(topics, group)
    cluster.poll_until(lambda: len(first.got) == 10, first)
    first.receiver.commit({one: 4, other: 2}, wait=True)
    first.close()
    second = cluster.member(topics, group)
    cluster.poll_until(lambda: len(second.got) == 4, second)
    assert positions(second) == {(*one, 4), (*other, 2), (*other, 3), (*other, 4)}


def test_a_pause_is_of_one_topic_alone(cluster, topics):
    member = cluster.member(topics)
    cluster.poll_until(lambda: len(member.owned) == 4, member)
    one, other = (of_one_partition(cluster, topic, 1) for topic in topics)
    cluster.poll_until(lambda: len(member.got) == 2, member)
    member.receiver.pause([one])
    for topic in topics:
        cluster.send(topic, 3, b"k")
    cluster.poll_until(lambda: len(member.got) == 5, member)
    assert member.poll(0.2) == []
    assert {it[:2] for it in positions(member) if it[2] > 0} == {other}
    member.receiver.resume([one])
    cluster.poll_until(lambda: len(member.got) == 8, member)


def test_two_members_share_the_partitions_of_both(cluster, topics):
    group = f"{topics[0]}-group"
    first, second = cluster.member(topics, group), cluster.member(topics, group)
    members = (first, second)
    cluster.poll_until(lambda: len(first.owned | second.owned) == 4 and first.owned, *members)
    cluster.poll_until(lambda: len(first.owned) == len(second.owned) == 2, *members)
    assert not first.owned & second.owned
    first.close()
    cluster.poll_until(lambda: len(second.owned) == 4, second)
    assert second.owned == {(topic, partition) for topic in topics for partition in (0, 1)}


def test_a_cluster_tells_itself_from_others(cluster):
    cluster_id = cluster.transport.cluster_id(10)
    assert cluster_id == cluster.transport.cluster_id(10) != ""
    assert cluster_id != MemoryTransport(MemoryBroker()).cluster_id(10)
