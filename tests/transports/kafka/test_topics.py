"""Topics that are deleted and created again, or grow, while a group reads them."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Event, Thread

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from pat_events.errors import (
    HoldError,
    OffsetOutOfRangeError,
    TopicMissingError,
    TransportError,
)
from pat_events.transports.kafka import KafkaTransport, topics
from pat_events.transports.kafka.errors import translate
from pat_events.transports.kafka.topics import Mark
from tests.support.clusters import kafka_config
from tests.support.waiting import DEADLINE_S, poll_until

PROTOCOLS = pytest.mark.parametrize("protocol", ["classic", "consumer"])
NOW = Mark("cluster", "one", 4)


@pytest.mark.parametrize(
    ("mark", "is_another"),
    [
        (Mark("cluster", "one", 2), False),
        (Mark("cluster", "other", 4), True),
        (Mark("copied-from", "other", 4), False),
        (Mark("cluster", "-", 4), False),
    ],
)
def test_a_mark_is_of_another_topic_only_if_the_same_cluster_says_so(mark, is_another):
    assert Mark.parse(str(mark)) == mark
    assert mark.of_another_topic(NOW) is is_another


@pytest.mark.parametrize("text", [None, "", "checkpoint of somebody", f"{NOW} and more"])
def test_what_another_tool_writes_beside_a_position_is_no_mark(text):
    assert Mark.parse(text) is None


class Topic:
    """A topic of a real cluster, a group that reads it, and what the group has committed."""

    def __init__(self, address, name, make_cluster):
        self.name = name
        self._address = address
        self._admin = AdminClient({"bootstrap.servers": address})
        self._make_cluster = make_cluster
        self._clusters = {}
        self._senders = 0
        self.properties = {}

    def _cluster(self, kind):
        if kind not in self._clusters:
            protocol = kind if kind in ("classic", "consumer") else "classic"
            transport = KafkaTransport(kafka_config(self._address, protocol, **self.properties))
            self._clusters[kind] = self._make_cluster(transport)
        return self._clusters[kind]

    def member(self, protocol, start="earliest"):
        return self._cluster(protocol).member(self.name, f"{self.name}-group", start)

    def send(self, count):
        # A sender of its own each time: an older one takes a while to see that all is new.
        self._senders += 1
        return self._cluster(f"sender {self._senders}").send(self.name, count)

    def make_anew(self, partitions=1):
        for future in self._admin.delete_topics([self.name]).values():
            future.result(DEADLINE_S)
        deadline = time.monotonic() + DEADLINE_S
        while True:
            (future,) = self._admin.create_topics([NewTopic(self.name, partitions)]).values()
            error = future.exception(DEADLINE_S)
            if error is None:
                break
            assert error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
            assert time.monotonic() < deadline

    def grow(self, partitions):
        for future in self._admin.create_partitions(
            [NewPartitions(self.name, partitions)]
        ).values():
            future.result(DEADLINE_S)

    def plain_consumer(self):
        return Consumer(
            {
                "bootstrap.servers": self._address,
                "group.id": f"{self.name}-group",
                "enable.auto.commit": False,
            }
        )

    def committed(self):
        client = self.plain_consumer()
        (position,) = client.committed([TopicPartition(self.name, 0)], timeout=DEADLINE_S)
        client.close()
        return None if position.offset < 0 else (position.offset, position.metadata)

    def commit_as_another_tool(self, offset, metadata=""):
        client = self.plain_consumer()
        positions = [TopicPartition(self.name, 0, offset, metadata)]
        client.commit(offsets=positions, asynchronous=False)
        client.close()


@pytest.fixture
def topic(kafka_broker, create_topic, topic_name, make_cluster):
    create_topic(topic_name, retention_ms="-1")
    return Topic(kafka_broker.bootstrap_servers, topic_name, make_cluster)


@pytest.mark.kafka
class TestRecreated:
    def test_a_position_beyond_its_end_is_not_committed_in_it(self, topic):
        topic.send(20)
        first = topic.member("classic")
        poll_until(lambda: len(first.got) == 20, first)
        first.commit(20)
        topic.make_anew()
        topic.send(10)
        with pytest.raises(OffsetOutOfRangeError, match=f"{topic.name}/0"):
            poll_until(lambda: False, first, ignore=TransportError)
        first.on_revoke = lambda owned: first.commit(20)
        first.commit(20, wait=False)
        first.close()
        assert topic.committed() is None
        topic.send(30)
        second = topic.member("classic")
        poll_until(lambda: len(second.got) == 40, second)
        assert second.offsets() == list(range(40))

    def test_a_member_that_reads_on_beyond_its_beginning_is_told(self, topic, monkeypatch):
        monkeypatch.setattr(topics, "LOOK_S", 0.2)
        topic.send(10)
        member = topic.member("classic")
        poll_until(lambda: len(member.got) == 10, member)
        member.receiver.pause(member.owned)  # Or it may see the new one while that is short.
        topic.make_anew()
        topic.send(20)
        member.receiver.resume(member.owned)
        with pytest.raises(OffsetOutOfRangeError, match="made later"):
            poll_until(lambda: False, member, ignore=TransportError)
        member.commit(20)
        assert topic.committed() is None

    @PROTOCOLS
    def test_a_position_committed_by_one_that_did_not_notice_is_refused(self, topic, protocol):
        topic.send(10)
        first = topic.member("classic")
        poll_until(lambda: len(first.got) == 10, first)
        topic.make_anew()
        topic.send(20)
        deadline = time.monotonic() + DEADLINE_S
        while topic.committed() is None:  # Brokers forget the positions in a topic a little later.
            assert time.monotonic() < deadline
            first.commit(10)
        first.close()
        second = topic.member(protocol)
        with pytest.raises(OffsetOutOfRangeError, match=r"made later.*groups reset"):
            poll_until(lambda: False, second)
        assert second.got == []
        second.close()
        topic.commit_as_another_tool(0)
        third = topic.member(protocol)
        poll_until(lambda: len(third.got) == 20, third)

    @pytest.mark.parametrize("start", ["earliest", "latest"])
    def test_all_of_it_is_read_where_members_are_assigned_topics_by_their_id(self, topic, start):
        first = topic.member("consumer", start)
        poll_until(lambda: first.owned, first)
        topic.send(10)
        poll_until(lambda: len(first.got) == 10, first)
        first.commit(10)
        first.got.clear()
        first.receiver.pause(first.owned)  # Or it may see the new one while that is short.
        topic.make_anew()
        topic.send(20)
        with suppress(TransportError):  # The engine commits as well when it is revoked.
            first.commit(10)
        poll_until(lambda: len(first.got) >= 20, first, ignore=TransportError)
        assert first.offsets()[-20:] == list(range(20))


@pytest.mark.kafka
@PROTOCOLS
@pytest.mark.parametrize("metadata", ["", "of somebody", str(Mark("another-cluster", "t", 9))])
def test_positions_of_other_tools_and_clusters_count(topic, protocol, metadata):
    topic.send(10)
    topic.commit_as_another_tool(4, metadata)
    member = topic.member(protocol)
    poll_until(lambda: len(member.got) == 6, member)
    assert member.offsets() == [4, 5, 6, 7, 8, 9]
    member.commit(7)
    assert topic.committed()[0] == 7
    mark = Mark.parse(topic.committed()[1])
    assert "-" not in (mark.cluster, mark.topic)


@pytest.mark.kafka
@PROTOCOLS
def test_members_live_while_their_topic_grows(topic, protocol):
    # A classic group notices it by itself, every 5 minutes by default.
    topic.properties = {"topic.metadata.refresh.interval.ms": "200"}
    members = [topic.member(protocol, "latest") for _ in range(2)]
    ended, trouble = Event(), []

    def poll(member):
        while not ended.is_set():
            try:
                with suppress(TransportError):
                    member.poll()
            except HoldError as error:
                trouble.append(error)
                return

    # Each in its thread: one that is asked while it is assigned may wait for the other to join.
    threads = [Thread(target=poll, args=(it,)) for it in members]
    for thread in threads:
        thread.start()
    try:
        for partitions in (4, 8, 12):
            topic.grow(partitions)
            deadline = time.monotonic() + DEADLINE_S
            while sum(len(it.owned) for it in members) != partitions and not trouble:
                assert time.monotonic() < deadline
                time.sleep(0.02)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert trouble == []


def test_old_metadata_is_not_called_a_missing_topic():
    error = translate(KafkaError(KafkaError._UNKNOWN_PARTITION), "finding where to begin")
    assert type(error) is TransportError
    assert str(error).startswith("finding where to begin: this client does not know the partition")
    error = translate(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), "reading")
    assert type(error) is TopicMissingError
    assert "made so lately" in str(error)
