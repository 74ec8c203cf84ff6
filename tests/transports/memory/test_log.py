"""What only the log in memory can show, its clock being ours."""

from __future__ import annotations

import pytest

from pat_events import Config
from pat_events.errors import (
    BufferFullError,
    OffsetOutOfRangeError,
    TopicMissingError,
    TransportError,
)
from pat_events.telemetry import BufferLevel
from pat_events.testing.simulation import VirtualClock
from pat_events.transports.memory import MemoryBroker, MemoryTransport


@pytest.fixture
def clock():
    clock = VirtualClock()
    clock.now = 0.0
    return clock


@pytest.fixture
def broker(clock):
    broker = MemoryBroker(clock=clock, session_timeout_s=10)
    broker.create_topic("t", 2)
    return broker


@pytest.fixture
def members(broker, make_cluster):
    cluster = make_cluster(MemoryTransport(broker))
    return cluster.member("t", "g"), cluster.member("t", "g")


@pytest.fixture
def send(broker, sent):
    sender = MemoryTransport(broker).sender(Config(buffer_events=3))

    def send(key=b"k", value=b"v"):
        record = sent("t", key, value)
        sender.send(record)
        return record

    return send


def test_a_sender_tells_how_full_it_is_while_the_broker_is_down_and_after(broker, clock, sent):
    levels = []

    class Seen:
        wants_levels = True

        def saw(self, what):
            if isinstance(what, BufferLevel):
                levels.append(what[1:])

    sender = MemoryTransport(broker).sender(Config(buffer_events=3), [Seen()])
    broker.set_down(down=True)
    sender.send(sent("t", b"k", b"value"))
    clock.now += 5
    sender.send(sent("t", b"k", b"value"))
    broker.set_down(down=False)
    clock.now += 1
    assert sender.flush(1) == []
    assert [it[:2] for it in levels] == [(1, 5), (2, 10), (0, 0)]
    assert {it[2] for it in levels} == {3}
    sender.close(1)
    assert levels[-1] == (0, 0, 0, 0, 0.0)


def share(first, second):
    for _ in range(3):
        first.poll(0)
        second.poll(0)
    assert len(first.owned) == len(second.owned) == 1


def test_a_member_that_stops_polling_loses_its_partitions(members, clock):
    first, second = members
    share(first, second)
    clock.now = 10.0
    second.poll(0)
    assert len(second.owned) == 1, "the session is not over yet"
    clock.now = 10.5
    second.poll(0)
    second.poll(0)
    assert len(second.owned) == 2
    (lost,) = first.owned
    first.poll(0)
    assert first.lost_ones == {lost}


def test_a_lost_partition_cannot_be_committed_any_more(members, clock, broker):
    first, second = members
    share(first, second)
    (mine,) = first.owned
    clock.now = 11.0
    second.poll(0)
    with pytest.raises(TransportError, match="not the owner"):
        first.receiver.commit({mine: 5}, wait=True)
    assert broker.committed("g")[mine] == 0


def test_a_member_that_was_expelled_joins_again(members, clock):
    first, second = members
    share(first, second)
    clock.now = 11.0
    second.poll(0)
    for _ in range(3):
        first.poll(0)
        second.poll(0)
    assert len(first.owned) == len(second.owned) == 1


def test_while_the_broker_is_down_records_wait_up_to_the_buffer(broker, send):
    broker.set_down(down=True)
    waiting = [send() for _ in range(3)]
    with pytest.raises(BufferFullError, match="3 events"):
        send()
    assert not any(it.settled for it in waiting)
    broker.set_down(down=False)
    last = send()
    assert [it.settlements for it in [*waiting, last]] == [1] * 4
    assert len(broker.records("t")) == 4


def test_while_the_broker_is_down_nothing_is_read_or_committed(broker, send, members):
    first, _ = members
    send()
    first.poll(0)
    broker.set_down(down=True)
    assert first.poll(0) == []
    with pytest.raises(TransportError, match="down"):
        first.commit(0)


def test_what_was_read_before_a_hole_in_the_log_is_handed_over_first(broker, send, make_cluster):
    member = make_cluster(MemoryTransport(broker)).member("t", "alone")
    partitions = set()
    for number in range(20):
        partitions.add(send(b"k%d" % number).partition)
    assert partitions == {0, 1}
    member.receiver.pause([("t", 0), ("t", 1)])
    member.poll(0)
    broker.delete_records("t", 0, 1)
    member.receiver.resume([("t", 0), ("t", 1)])
    count = sum(it.partition == 1 for it in broker.records("t"))
    for _ in range(3):
        try:
            member.poll(0)
        except OffsetOutOfRangeError:
            continue
    assert member.offsets(1) == list(range(count))
    assert member.offsets(0) == []


def test_a_record_for_a_topic_that_is_not_there_fails_by_name(broker, sent):
    record = sent("nowhere", b"k", b"v")
    MemoryTransport(broker).sender(Config()).send(record)
    assert isinstance(record.error, TopicMissingError)
    assert "nowhere" in str(record.error)


def test_a_topic_may_grow_and_keeps_its_records(broker, send):
    send()
    broker.create_topic("t", 5)
    assert MemoryTransport(broker).partitions(["t"], 1) == {"t": 5}
    assert len(broker.records("t")) == 1
    broker.create_topic("t", 1)
    assert broker.partition_counts() == {"t": 5}


def test_records_without_a_key_go_to_every_partition(send):
    assert {send(None).partition for _ in range(10)} == {0, 1}


def test_what_waits_in_many_senders_is_written_in_the_order_they_were_made(broker, sent):
    broker.set_down(down=True)
    senders = [MemoryTransport(broker).sender(Config()) for _ in range(20)]
    for number, sender in enumerate(senders):
        sender.send(sent("t", b"k", b"%d" % number))
    broker.set_down(down=False)
    assert [record.value for record in broker.records("t")] == [b"%d" % n for n in range(20)]
