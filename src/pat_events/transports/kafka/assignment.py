"""The partitions that are a member's, and what it knows of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import TopicPartition

from pat_events.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from pat_events.core.record import TopicPartition as Pair
    from pat_events.transports.kafka.positions import StartPosition


class Assignment:
    """What is assigned to a member. One thread owns it.

    Attributes:
        marks: The partitions, with what is committed beside each position; see ``Mark``.
        first_positions: Where the group begins with them, as far as that is not committed yet.
        out_of_range: Those whose positions mean nothing in the log there is.
        ends: The ends that were reached; see ``Receiver.ends``.
        paused: Those that are paused.
    """

    def __init__(self) -> None:
        self.marks: dict[Pair, str] = {}
        self.first_positions: dict[Pair, int] = {}
        self.out_of_range: set[Pair] = set()
        self.ends: dict[Pair, int] = {}
        self.paused: set[Pair] = set()

    def add(self, found: Iterable[StartPosition]) -> None:
        """Note partitions that are ours from here on, each from its position."""
        for where, mark, is_first in found:
            pair = pair_of(where)
            self.marks[pair] = mark
            if is_first:
                self.first_positions[pair] = where.offset

    def drop(self, pairs: Sequence[Pair]) -> None:
        """Forget partitions that are another member's."""
        for pair in pairs:
            self.marks.pop(pair, None)
            self.ends.pop(pair, None)
        self.out_of_range.difference_update(pairs)

    def clear(self) -> None:
        """Forget all of them: they were another client's."""
        for each in (self.marks, self.first_positions, self.out_of_range, self.ends, self.paused):
            each.clear()

    def of_topic(self, topic: str) -> list[Pair]:
        """Return the partitions of a topic."""
        return [pair for pair in self.marks if pair[0] == topic]

    def take_first_positions(self) -> dict[Pair, int]:
        """Return the first positions that are still ours to commit, and forget them."""
        positions, self.first_positions = self.first_positions, {}
        return {pair: offset for pair, offset in positions.items() if pair in self.marks}

    def to_commit(self, offsets: Mapping[Pair, int]) -> list[TopicPartition]:
        """Return what to commit for these offsets, save those that are out of range.

        Raises:
            TransportError: one is of a partition that is not ours.
        """
        not_ours = [pair for pair in offsets if pair not in self.marks]
        if not_ours:
            # The broker takes any member's word: it would move another member's position.
            raise TransportError(f"not committed: {not_ours} belong to another member")
        positions = [
            TopicPartition(*pair, offset, self.marks[pair])
            for pair, offset in offsets.items()
            if pair not in self.out_of_range
        ]
        if positions:
            # A first position that could not be saved must not be saved over a later one.
            for pair in offsets:
                self.first_positions.pop(pair, None)
        return positions


def pair_of(partition: TopicPartition) -> Pair:
    """Return a partition as this package names it: topic and number."""
    return partition.topic, partition.partition


def pairs_of(partitions: Iterable[TopicPartition]) -> list[Pair]:
    """Return partitions as this package names them."""
    return [pair_of(partition) for partition in partitions]


def topic_partitions(pairs: Collection[Pair]) -> list[TopicPartition]:
    """Return partitions as the client names them."""
    return [TopicPartition(topic, partition) for topic, partition in pairs]
