"""Where a member begins to read in the partitions it is given."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import OFFSET_INVALID, TopicPartition

from pat_events.errors import OffsetOutOfRangeError
from pat_events.transports.kafka.errors import checked
from pat_events.transports.kafka.topics import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from confluent_kafka import Consumer

    from pat_events.core import record
    from pat_events.transports import log
    from pat_events.transports.kafka.topics import Topics

# Longest wait for one answer about offsets, in seconds.
_OFFSETS_TIMEOUT_S: Final = 10.0


class StartPosition(NamedTuple):
    """Where a partition begins, and the mark to commit beside every position in it."""

    where: TopicPartition
    mark: str
    is_first: bool


class Positions:
    """Finds the position to begin at: what the group committed, else where it is told to start.

    Args:
        group: Its name, for messages.
        start: Where a partition begins that the group never committed.
        topics: Which topics the names stand for.

    Attributes:
        own: Topics of the group alone, which it begins with their first record.
    """

    def __init__(self, group: str, start: log.Start, topics: Topics) -> None:
        self._group = group
        self._start = start
        self._topics = topics
        self.own: frozenset[str] = frozenset()

    def find(self, client: Consumer, partitions: Sequence[TopicPartition]) -> list[StartPosition]:
        """Return where each partition begins.

        Raises:
            OffsetOutOfRangeError: a position was committed for an earlier topic of that name.
            KafkaException: the cluster did not answer.
        """
        committed = checked(client.committed(list(partitions), timeout=_OFFSETS_TIMEOUT_S))
        # Asked later: a position in a topic deleted just now must not pass for one in the
        # topic made since.
        topics = self._topics.ask({p.topic for p in partitions})
        found = [self._position(p, topics[p.topic]) for p in committed]
        self._begin(client, [each.where for each in found if each.is_first], topics)
        self._topics.known |= topics
        return found

    def _position(self, committed: TopicPartition, now: Mark) -> StartPosition:
        mark = Mark.parse(committed.metadata)
        if mark is not None and mark.of_another_topic(now):
            known = self._topics.known.get(committed.topic)
            if known is None or known.topic != mark.topic:
                raise another_topic_error(self._group, committed)
            # We read that one to the last, and what we committed of it met the one made since,
            # which is now assigned to us: we have no position in it.
            committed.offset = OFFSET_INVALID
        if committed.offset < 0:
            count = max(now.partitions, committed.partition + 1)
            return StartPosition(committed, str(replace(now, partitions=count)), is_first=True)
        count = 0 if mark is None else mark.partitions
        return StartPosition(committed, str(replace(now, partitions=count)), is_first=False)

    def _begin(
        self, client: Consumer, new: list[TopicPartition], topics: Mapping[str, Mark]
    ) -> None:
        """Set the offset of partitions the group has no position in."""
        if not new:
            return
        # Read before the time is looked up: what comes in between has a later time, too.
        ends = {
            (p.topic, p.partition): client.get_watermark_offsets(p, timeout=_OFFSETS_TIMEOUT_S)
            for p in new
        }
        times = self._at_start_time(client, new)
        at_start = (
            {} if self._start == "earliest" else self._partitions_at_start(client, new, topics)
        )
        for position in new:
            pair = position.topic, position.partition
            low, high = ends[pair]
            is_whole = self._start == "earliest" or position.topic in self.own
            if is_whole or position.partition >= at_start[position.topic]:
                position.offset = low
            else:
                at = times.get(pair, -1)
                position.offset = high if at < 0 else at  # A time may be after the last record.

    def _partitions_at_start(
        self, client: Consumer, new: list[TopicPartition], topics: Mapping[str, Mark]
    ) -> dict[str, int]:
        """Return how many partitions each topic had when the group began with it.

        One beyond that is new to a group that was there already: all of it is to be read. Others
        are those of a new group, or some whose other members have just begun.
        """
        at_start = {}
        for name in {p.topic for p in new}:
            now = topics[name]
            asked = [TopicPartition(name, number) for number in range(now.partitions)]
            found = checked(client.committed(asked, timeout=_OFFSETS_TIMEOUT_S))
            marks = [Mark.parse(p.metadata) for p in found if p.offset >= 0]
            known = self._topics.known.get(name, now)
            counts = [
                0 if mark is None or mark.of_another_topic(now) else mark.partitions
                for mark in (*marks, Mark(known.cluster, known.topic, now.partitions))
            ]
            # A partition the answer did not list yet is the newest of all.
            at_start[name] = min(counts)
        return at_start

    def _at_start_time(
        self, client: Consumer, new: list[TopicPartition]
    ) -> dict[record.TopicPartition, int]:
        if not isinstance(self._start, datetime):
            return {}
        # Below 0 are Kafka's words for the ends of the log.
        millis = max(0, int(self._start.timestamp() * 1000))
        wanted = [TopicPartition(p.topic, p.partition, millis) for p in new]
        found = checked(client.offsets_for_times(wanted, timeout=_OFFSETS_TIMEOUT_S))
        return {(p.topic, p.partition): p.offset for p in found}


def another_topic_error(group: str, position: TopicPartition) -> OffsetOutOfRangeError:
    """Return the error for a position in a topic that is not there any more."""
    topic = position.topic
    return OffsetOutOfRangeError(
        f"the position of group {group} in {topic}/{position.partition} belongs to a topic of that "
        "name that was deleted; the one there is now was made later. Stop the group's members, "
        f"decide where it begins with 'pat-events groups reset {group} --topic {topic} "
        "--to earliest --apply', and start again"
    )


def log_ends(
    client: Consumer, pairs: Iterable[record.TopicPartition]
) -> dict[record.TopicPartition, int]:
    """Return where these partitions end, as far as the client has heard; it asks nobody."""
    ends = {}
    for pair in pairs:
        _, high = client.get_watermark_offsets(TopicPartition(*pair), cached=True)
        if high >= 0:
            ends[pair] = high
    return ends
