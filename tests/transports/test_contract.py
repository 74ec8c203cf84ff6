"""What every transport must do, whatever is behind it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise
from threading import Thread

import pytest

from pat_events.errors import (
    BufferFullError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicMissingError,
    TransportError,
)


class TestSending:
    def test_key_payload_headers_and_time_arrive_as_they_were_sent(self, cluster, sent):
        topic = cluster.topic()
        headers = [("a", b"1"), ("a", b""), ("b", b"\xff\x00"), ("none", None)]
        sender = cluster.sender()
        sender.send(sent(topic, b"\xffk", b"\x00v", headers, 1_650_000_000_123))
        sender.send(sent(topic, None, None, [], 1_650_000_000_124))
        assert sender.flush(30) == []
        member = cluster.member(topic)
        cluster.poll_until(lambda: len(member.got) == 2, member)
        first, second = member.got
        assert (first.key, first.value, list(first.headers)) == (b"\xffk", b"\x00v", headers)
        assert first.timestamp_ms == 1_650_000_000_123
        assert (second.key, second.value, list(second.headers)) == (None, None, [])

    def test_records_of_one_key_share_a_partition_and_keep_their_order(self, cluster, sent):
        topic = cluster.topic(partitions=3)
        sender = cluster.sender()
        records = [sent(topic, b"k%d" % (n % 5), b"%d" % n) for n in range(200)]
        for record in records:
            sender.send(record)
        assert sender.flush(30) == []
        for key in {it.key for it in records}:
            own = [it for it in records if it.key == key]
            assert len({it.partition for it in own}) == 1
            assert all(a.offset < b.offset for a, b in pairwise(own))
        member = cluster.member(topic)
        cluster.poll_until(lambda: len(member.got) == 200, member)
        for key in {it.key for it in records}:
            values = [int(it.value) for it in member.got if it.key == key]
            assert values == sorted(values)

    def test_a_thread_keeps_its_order_while_another_polls(self, cluster, sent):
        topic = cluster.topic()
        sender = cluster.sender()
        records = [sent(topic, b"k", b"%d" % n) for n in range(500)]
        done = []

        def poll():
            while not done:
                sender.wait_for_room(0.001)

        poller = Thread(target=poll)
        poller.start()
        for record in records:
            sender.send(record)
        rest = sender.flush(30)
        done.append(True)
        poller.join(5)
        assert rest == []
        assert [it.offset for it in records] == list(range(500))
        assert {it.settlements for it in records} == {1}

    @pytest.mark.parametrize(
        "limit", [{"buffer_events": 3}, {"buffer_bytes": 3 * 1024}], ids=["events", "bytes"]
    )
    def test_a_full_buffer_takes_nothing_by_either_limit(self, cluster, sent, limit):
        sender = cluster.sender_out_of_reach(max_event_bytes=1024, **limit)
        taken = [sent("t", b"k", bytes(1024)) for _ in range(3)]
        for record in taken:
            sender.send(record)
        one_more = sent("t", b"k", bytes(1024))
        with pytest.raises(BufferFullError, match=r"\b3 events\b|\b3072 bytes\b"):
            sender.send(one_more)
        assert sender.close(0.01) == taken
        assert [it.settlements for it in (*taken, one_more)] == [1, 1, 1, 0]

    def test_what_the_whole_buffer_could_not_hold_is_too_large(self, cluster, sent):
        sender = cluster.sender_out_of_reach(max_event_bytes=1024, buffer_bytes=1024)
        record = sent("t", b"k", bytes(1025))
        with pytest.raises(RecordTooLargeError, match="1024 bytes, buffer_bytes"):
            sender.send(record)
        assert record.settlements == 0


class TestGroups:
    def test_two_members_share_the_partitions_and_a_third_joins_and_leaves(self, cluster):
        topic = cluster.topic(partitions=6)
        group = f"{topic}-group"
        first, second = cluster.member(topic, group), cluster.member(topic, group)
        cluster.poll_until(lambda: len(first.owned) == len(second.owned) == 3, first, second)
        third = cluster.member(topic, group)
        three = (first, second, third)
        cluster.poll_until(lambda: all(len(it.owned) == 2 for it in three), *three)
        assert len(first.owned | second.owned | third.owned) == 6
        third.close()
        assert third.owned == set()
        cluster.poll_until(lambda: len(first.owned) == len(second.owned) == 3, first, second)
        assert not first.owned & second.owned
        self.assert_no_partition_had_two_owners(cluster.log)

    def assert_no_partition_had_two_owners(self, log):
        owners = {}
        for what, member, partition in log:
            if what == "assigned":
                assert owners.get(partition) is None, f"{partition} was not given back first"
                owners[partition] = member
            else:
                assert owners.pop(partition) is member

    def test_a_commit_during_revocation_is_where_the_next_owner_begins(self, cluster):
        topic = cluster.topic(partitions=2)
        group = f"{topic}-group"
        for partition_key in (b"a", b"b", b"c", b"d"):
            cluster.send(topic, 10, partition_key)
        first = cluster.member(topic, group)
        cluster.poll_until(lambda: len(first.got) == 40, first)
        ends = {p: len(first.offsets(p)) for p in (0, 1)}

        def commit(partitions):
            offsets = {(topic, partition): ends[partition] for _, partition in partitions}
            first.receiver.commit(offsets, wait=True)

        first.on_revoke = commit
        second = cluster.member(topic, group)
        cluster.poll_until(lambda: len(second.owned) == 1, first, second)
        first.close()
        cluster.poll_until(lambda: len(second.owned) == 2, second)
        cluster.send(topic, 1, b"a")
        cluster.poll_until(lambda: second.got, second)
        assert [it.offset for it in second.got] == [ends[second.got[0].partition]]

    def test_reading_goes_on_at_the_committed_position(self, cluster):
        topic = cluster.topic()
        group = f"{topic}-group"
        cluster.send(topic, 10)
        first = cluster.member(topic, group)
        cluster.poll_until(lambda: len(first.got) == 10, first)
        first.commit(4)
        first.close()
        second = cluster.member(topic, group, start="latest")
        cluster.poll_until(lambda: len(second.got) == 6, second)
        assert second.offsets() == [4, 5, 6, 7, 8, 9]

    def test_a_commit_that_is_not_waited_for_counts_after_an_orderly_end(self, cluster):
        topic = cluster.topic()
        group = f"{topic}-group"
        cluster.send(topic, 5)
        first = cluster.member(topic, group)
        cluster.poll_until(lambda: len(first.got) == 5, first)
        first.commit(3, wait=False)
        first.close()
        second = cluster.member(topic, group)
        cluster.poll_until(lambda: len(second.got) == 2, second)
        assert second.offsets() == [3, 4]

    def test_what_came_of_a_commit_that_is_not_waited_for_is_told_once(self, cluster):
        topic = cluster.topic()
        cluster.send(topic, 5)
        member = cluster.member(topic)
        cluster.poll_until(lambda: len(member.got) == 5, member)
        member.commit(2)
        member.commit(3, wait=False)
        answers = []
        cluster.poll_until(
            lambda: answers.extend(member.receiver.commit_answers()) or answers, member
        )
        ((offsets, seconds, error),) = answers
        assert offsets == {(topic, 0): 3}
        assert 0 <= seconds < 60
        assert error is None
        member.poll()
        assert list(member.receiver.commit_answers()) == []

    def test_where_partitions_end_is_told_by_the_cluster_of_those_it_has(self, cluster):
        topic = cluster.topic(partitions=2)
        cluster.send(topic, 5, b"a")
        ends = cluster.transport.log_ends([(topic, 0), (topic, 1)], 30)
        assert sorted(ends.values()) == [0, 5]

    def test_what_was_not_committed_is_delivered_again(self, cluster):
        topic = cluster.topic()
        group = f"{topic}-group"
        cluster.send(topic, 3)
        first = cluster.member(topic, group)
        cluster.poll_until(lambda: len(first.got) == 3, first)
        first.close()
        second = cluster.member(topic, group)
        cluster.poll_until(lambda: len(second.got) == 3, second)
        assert second.offsets() == [0, 1, 2]

    def test_closing_revokes_what_is_assigned(self, cluster):
        topic = cluster.topic(partitions=2)
        member = cluster.member(topic)
        cluster.poll_until(lambda: len(member.owned) == 2, member)
        member.close()
        assert member.owned == set()
        assert member.lost_ones == set()

    def test_a_partition_that_is_not_ours_is_not_committed(self, cluster):
        topic = cluster.topic(partitions=2)
        group = f"{topic}-group"
        cluster.send(topic, 5, b"a")
        first, second = cluster.member(topic, group), cluster.member(topic, group)
        cluster.poll_until(lambda: len(first.owned) == len(second.owned) == 1, first, second)
        (theirs,) = second.owned
        with pytest.raises(TransportError, match=topic):
            first.receiver.commit({theirs: 99}, wait=True)
        with pytest.raises(TransportError, match=topic):
            first.receiver.commit({theirs: 99}, wait=False)

    def test_groups_do_not_see_each_other(self, cluster):
        topic = cluster.topic()
        cluster.send(topic, 3)
        one, other = cluster.member(topic), cluster.member(topic)
        cluster.poll_until(lambda: len(one.got) == len(other.got) == 3, one, other)


class TestWhereToBegin:
    def test_earliest_is_the_first_record_kept(self, cluster):
        topic = cluster.topic()
        cluster.send(topic, 3)
        member = cluster.member(topic, start="earliest")
        cluster.poll_until(lambda: len(member.got) == 3, member)
        assert member.offsets() == [0, 1, 2]

    def test_latest_is_what_comes_after_the_assignment(self, cluster):
        topic = cluster.topic()
        cluster.send(topic, 3)
        member = cluster.member(topic, start="latest")
        cluster.poll_until(lambda: member.owned, member)
        cluster.send(topic, 2)
        cluster.poll_until(lambda: len(member.got) == 2, member)
        assert member.offsets() == [3, 4]

    def test_a_time_is_the_first_record_not_before_it(self, cluster):
        topic = cluster.topic()
        for second in range(5):
            cluster.send(topic, 1, timestamp_ms=(1_700_000_000 + second) * 1000)
        start = datetime.fromtimestamp(1_700_000_002, UTC)
        member = cluster.member(topic, start=start)
        cluster.poll_until(lambda: len(member.got) == 3, member)
        assert member.offsets() == [2, 3, 4]

    def test_a_time_after_the_last_record_is_the_end(self, cluster):
        topic = cluster.topic()
        cluster.send(topic, 2)
        member = cluster.member(topic, start=datetime(2100, 1, 1, tzinfo=UTC))
        cluster.poll_until(lambda: member.owned, member)
        cluster.send(topic, 1)
        cluster.poll_until(lambda: member.got, member)
        assert member.offsets() == [2]

    @pytest.mark.parametrize("start", ["latest", datetime(2100, 1, 1, tzinfo=UTC)])
    def test_a_group_that_stopped_before_its_first_event_misses_nothing(self, cluster, start):
        topic = cluster.topic()
        group = f"{topic}-group"
        cluster.send(topic, 3)
        first = cluster.member(topic, group, start=start)
        cluster.poll_until(lambda: first.owned, first)
        first.close()
        cluster.send(topic, 2)
        second = cluster.member(topic, group, start=start)
        cluster.poll_until(lambda: len(second.got) == 2, second)
        assert second.offsets() == [3, 4]

    def test_a_position_out_of_the_log_is_an_error_and_not_a_second_reading(self, cluster):
        topic = cluster.topic()
        group = f"{topic}-group"
        cluster.send(topic, 10)
        first = cluster.member(topic, group)
        cluster.poll_until(lambda: len(first.got) == 10, first)
        first.commit(2)
        first.close()
        cluster.delete_records(topic, 6)
        second = cluster.member(topic, group, start="earliest")
        with pytest.raises(OffsetOutOfRangeError, match=topic):
            cluster.poll_until(lambda: second.got, second)
        assert second.got == []


class TestPausing:
    def test_a_paused_partition_is_silent_until_resumed_and_stays_ours(self, cluster):
        topic = cluster.topic(partitions=2)
        member = cluster.member(topic)
        cluster.poll_until(lambda: len(member.owned) == 2, member)
        member.receiver.pause([(topic, 0)])
        first = cluster.send(topic, 40)
        for key in (b"a", b"b", b"c", b"d", b"e"):
            first += cluster.send(topic, 5, key)
        counts = {p: sum(it.partition == p for it in first) for p in (0, 1)}
        assert all(counts.values())
        cluster.poll_until(lambda: len(member.got) == counts[1], member)
        assert member.poll(0.2) == []
        assert member.offsets(0) == []
        assert len(member.owned) == 2
        member.receiver.resume([(topic, 0)])
        cluster.poll_until(lambda: len(member.got) == len(first), member)
        assert member.offsets(0) == list(range(counts[0]))

    def test_a_partition_that_comes_back_is_read_although_it_was_paused_before(self, cluster):
        topic = cluster.topic(partitions=2)
        group = f"{topic}-group"
        first = cluster.member(topic, group)
        cluster.poll_until(lambda: len(first.owned) == 2, first)
        first.receiver.pause([(topic, 0), (topic, 1)])
        second = cluster.member(topic, group)
        cluster.poll_until(lambda: len(second.owned) == 1, first, second)
        (moved,) = second.owned
        second.close()
        cluster.poll_until(lambda: len(first.owned) == 2, first)
        for key in (b"a", b"b", b"c", b"d", b"e"):
            cluster.send(topic, 1, key)
        cluster.poll_until(lambda: first.offsets(moved[1]), first)

    def test_no_more_than_asked_for_is_returned_and_nothing_is_skipped(self, cluster):
        topic = cluster.topic()
        cluster.send(topic, 25)
        member = cluster.member(topic)
        while len(member.got) < 25:
            member.poll(1, max_records=4)
        assert member.offsets() == list(range(25))

    def test_an_empty_poll_returns_within_its_timeout(self, cluster):
        topic = cluster.topic()
        member = cluster.member(topic)
        cluster.poll_until(lambda: member.owned, member)
        begin = time.monotonic()
        assert member.poll(0.1) == []
        assert time.monotonic() - begin < 5


class TestAsking:
    def test_a_cluster_that_is_there_answers(self, cluster):
        cluster.transport.ping(10)

    def test_partition_counts_are_those_of_the_topics(self, cluster):
        one, three = cluster.topic(1), cluster.topic(3)
        assert cluster.transport.partitions([one, three], 10) == {one: 1, three: 3}
        assert cluster.transport.partitions([], 10) == {}

    def test_missing_topics_are_named(self, cluster):
        topic = cluster.topic()
        with pytest.raises(TopicMissingError, match="no-such-topic"):
            cluster.transport.partitions([topic, "no-such-topic"], 10)
