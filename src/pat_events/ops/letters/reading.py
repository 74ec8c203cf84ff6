"""Reads the dead letters that a topic holds, as no member of any group."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pat_events.catalog.model import DEAD_LETTER_SUFFIX
from pat_events.errors import ConfigError
from pat_events.ops.letters.letter import Letter
from pat_events.ops.letters.selection import EVERYTHING
from pat_events.ops.tail import RecordFilter, no_such_offset, read_stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pat_events.core.record import TopicPartition
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.selection import Selection
    from pat_events.transports.kafka.admin import KafkaAdmin

#: After how many letters somebody is told how far reading is.
TELL_EVERY: Final = 1_000
# A topic may have the brokers' times instead of the letters' own, and clocks differ.
_CLOCKS_DIFFER: Final = timedelta(hours=2)


class LetterReading:
    """The letters that a topic holds now and that are meant, oldest first in each partition.

    Iterating reads them; what is written after this was made is not read.

    Args:
        cluster: Where.
        topic: The dead-letter topic.
        selection: Which of its letters.
        any_name: Take a topic of any name whose first record tells a cause, such as Spring's.

    Attributes:
        topic: Its name.
        partitions: How many it has.
        total: How many offsets are to be passed, and no fewer than there are letters.
        passed: How many were: how far iterating is.

    Raises:
        ConfigError: this is no dead-letter topic, there is no such partition, or nothing at these
            offsets.
        TopicMissingError: the topic does not exist.
        TransportError: the cluster did not answer, or does not permit it; so does iterating.
    """

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        selection: Selection = EVERYTHING,
        *,
        any_name: bool = False,
    ) -> None:
        self.topic = topic
        self._foreign = not topic.endswith(DEAD_LETTER_SUFFIX)
        if self._foreign and not any_name:
            raise no_letters(topic)
        self._cluster = cluster
        self._selection = selection
        admin = cluster.admin([topic])
        self.partitions = admin.partitions[topic]
        self._ends = _ends(admin, selection)
        self.total = sum(high - low for low, high in self._ends.values())
        self.passed = 0
        if self._foreign and not self.total:
            raise no_letters(topic, "none of its records")

    def __iter__(self) -> Iterator[Letter]:
        self.passed = 0
        for delivery in read_stored(self._cluster, self._ends):
            letter = Letter.of(delivery)
            if self._foreign and not self.passed and not letter.tells_a_cause:
                raise no_letters(self.topic, str(delivery.position))
            self.passed += 1
            if self._selection.matches(letter):
                yield letter


def _ends(admin: KafkaAdmin, selection: Selection) -> dict[TopicPartition, tuple[int, int]]:
    pairs = RecordFilter(selection.partition).of(admin.partitions)
    ends = admin.ends(pairs)
    if selection.since is not None:
        begins = admin.at_time(pairs, selection.since - _CLOCKS_DIFFER)
        ends = {
            pair: (max(low, begins.get(pair, high)), high) for pair, (low, high) in ends.items()
        }
    if selection.offsets is not None:
        [(pair, (low, high))] = ends.items()
        begin, end = max(low, selection.offsets.start), min(high, selection.offsets.stop)
        if begin >= end:
            raise no_such_offset(pair, selection.offsets.start, *admin.ends(pairs)[pair])
        ends = {pair: (begin, end)}
    return ends


def no_letters(topic: str, untold: str = "") -> ConfigError:
    """Return the error for a topic of another name, of which this may be known to tell no cause."""
    names = f"those of a group are in TOPIC.GROUP{DEAD_LETTER_SUFFIX}"
    if untold:
        return ConfigError(f"{topic} is no dead-letter topic, as {untold} tells no cause: {names}")
    return ConfigError(f"{topic} is no dead-letter topic: {names}")
