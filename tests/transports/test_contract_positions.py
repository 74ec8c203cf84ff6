"""Where every transport begins to read, and what it never commits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pat_events.errors import OffsetOutOfRangeError

LATER = datetime(2100, 1, 1, tzinfo=UTC)
KEYS = [b"%d" % number for number in range(20)]


def send_to_each(cluster, topic):
    """Send records of many keys; returns how many each partition got."""
    sent = [record for key in KEYS for record in cluster.send(topic, 1, key)]
    counts = [0] * (1 + max(it.partition for it in sent))
    for record in sent:
        counts[record.partition] += 1
    return counts


@pytest.mark.parametrize("start", ["earliest", "latest", LATER])
def test_a_partition_that_is_new_to_a_group_is_read_from_its_first_record(cluster, start):
    topic = cluster.topic(partitions=2)
    group = f"{topic}-group"
    first = cluster.member(topic, group, start=start)
    cluster.poll_until(lambda: len(first.owned) == 2, first)
    first.close()
    cluster.grow(topic, 3)
    counts = send_to_each(cluster, topic)
    second = cluster.member(topic, group, start=start)
    cluster.poll_until(lambda: len(second.got) == sum(counts), second)
    assert second.offsets(2) == list(range(counts[2]))


@pytest.mark.parametrize("start", ["latest", LATER])
def test_members_that_begin_a_group_together_read_nothing_of_before(cluster, start):
    topic = cluster.topic(partitions=3)
    group = f"{topic}-group"
    before = send_to_each(cluster, topic)
    members = [cluster.member(topic, group, start=start) for _ in range(3)]
    cluster.poll_until(lambda: all(it.owned for it in members), *members)
    send_to_each(cluster, topic)
    cluster.poll_until(lambda: sum(len(it.got) for it in members) >= len(KEYS), *members)
    got = [delivery for it in members for delivery in it.got]
    assert len(got) == len(KEYS)
    assert all(it.offset >= before[it.partition] for it in got)


def test_a_topic_of_the_group_alone_is_read_from_its_first_record_once_it_is_there(cluster):
    topic = cluster.topic()
    own = f"{topic}.own"
    member = cluster.member(topic, f"{topic}-group", "latest", [own])
    cluster.poll_until(lambda: member.owned == {(topic, 0)}, member)
    cluster.send(topic, 1)
    cluster.poll_until(lambda: len(member.got) == 1, member)
    cluster.topic(name=own)
    cluster.send(own, 3)
    cluster.poll_until(lambda: len(member.got) == 4, member)
    assert [(it.topic, it.offset) for it in member.got[1:]] == [(own, 0), (own, 1), (own, 2)]


@pytest.mark.parametrize("start", ["latest", LATER])
def test_what_a_topic_of_the_group_alone_has_already_is_read(cluster, start):
    topic = cluster.topic()
    own = cluster.topic(name=f"{topic}.own")
    cluster.send(own, 3)
    cluster.send(topic, 3)
    member = cluster.member(topic, f"{topic}-group", start, [own])
    cluster.poll_until(lambda: len(member.got) == 3, member)
    assert {it.topic for it in member.got} == {own}


def test_an_end_that_was_reached_is_told_and_forgotten_with_the_partition(cluster):
    topic = cluster.topic()
    first = cluster.member(topic)
    cluster.poll_until(first.receiver.ends, first)
    assert first.receiver.ends() == {(topic, 0): 0}
    cluster.send(topic, 3)
    cluster.poll_until(lambda: first.receiver.ends() == {(topic, 0): 3}, first)
    assert first.offsets() == [0, 1, 2]
    first.receiver.pause([(topic, 0)])
    cluster.send(topic, 2)
    first.poll()
    assert first.receiver.ends() in ({(topic, 0): 3}, {})
    first.receiver.resume([(topic, 0)])
    cluster.poll_until(lambda: first.receiver.ends() == {(topic, 0): 5}, first)
    assert len(first.got) == 5
    first.close()
    assert first.receiver.ends() == {}


def test_where_a_partition_ends_is_known_once_it_was_read(cluster):
    topic = cluster.topic()
    cluster.send(topic, 3)
    member = cluster.member(topic)
    cluster.poll_until(lambda: len(member.got) == 3, member)
    assert member.receiver.log_ends() == {(topic, 0): 3}
    cluster.send(topic, 1)
    cluster.poll_until(lambda: len(member.got) == 4, member)
    assert member.receiver.log_ends() == {(topic, 0): 4}
    member.close()
    assert member.receiver.log_ends() == {}


def test_a_member_has_joined_with_partitions_or_without(cluster):
    topic = cluster.topic(partitions=1)
    members = [cluster.member(topic, f"{topic}-group") for _ in range(2)]
    cluster.poll_until(lambda: all(it.receiver.has_joined() for it in members), *members)
    cluster.poll_until(lambda: any(it.owned for it in members), *members)
    assert sorted(len(it.owned) for it in members) == [0, 1]


@pytest.mark.parametrize("wait", [True, False])
def test_a_position_out_of_the_log_is_not_committed_while_others_are(cluster, wait):
    topic = cluster.topic(partitions=2)
    group = f"{topic}-group"
    while not all(send_to_each(cluster, topic)):
        pass
    first = cluster.member(topic, group)
    cluster.poll_until(lambda: len(first.owned) == 2, first)
    first.receiver.commit({(topic, 0): 1, (topic, 1): 1}, wait=True)
    first.close()
    cluster.delete_records(topic, 4)
    second = cluster.member(topic, group)
    with pytest.raises(OffsetOutOfRangeError, match=f"{topic}/0"):
        cluster.poll_until(lambda: False, second)
    positions = {(topic, 0): 5, (topic, 1): 3}
    second.receiver.commit(positions, wait=wait)
    second.on_revoke = lambda _: second.receiver.commit(positions, wait=True)
    second.close()
    third = cluster.member(topic, group)
    with pytest.raises(OffsetOutOfRangeError, match=f"{topic}/0"):
        cluster.poll_until(lambda: False, third)
    assert third.offsets(1)[:1] in ([], [3])
