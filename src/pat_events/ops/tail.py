"""Read topics as they grow, as no member of a group."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from pat_events.codecs.structured import is_of_type
from pat_events.errors import ConfigError, TransportTimeoutError
from pat_events.transports.kafka.reader import KafkaReader
from pat_events.transports.log import Start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pat_events.core.record import Delivery, TopicPartition
    from pat_events.ops.cluster import Cluster
    from pat_events.transports.kafka.admin import KafkaAdmin

# Longest wait inside the client, in seconds: bounds how late the end is seen.
_POLL_S: Final = 0.1
_CHUNK: Final = 500
#: After which quiet time somebody who watches is told, in seconds.
QUIET_S: Final = 1.0
# Where nothing has arrived for so long, in seconds, reading has failed.
_STALL_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class AtOffset:
    """Begin at this offset of one partition."""

    offset: int


@dataclass(frozen=True, slots=True)
class Last:
    """Begin so many offsets before the end of each partition, or with the oldest there is."""

    count: int


Begin: TypeAlias = Start | AtOffset | Last


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records are asked for; what is None may be anything.

    Attributes:
        partition: Number of the partition, of each topic.
        key: Key of the record.
        full_name: Type of the event, as its ``ce_type`` says it.
    """

    partition: int | None = None
    key: bytes | None = None
    full_name: str | None = None

    def of(self, partitions: Mapping[str, int]) -> list[TopicPartition]:
        """Return the partitions to read, of topics with so many.

        Raises:
            ConfigError: a topic has no such partition; says which it has.
        """
        if self.partition is None:
            return [(topic, n) for topic, count in partitions.items() for n in range(count)]
        for topic, count in partitions.items():
            if self.partition not in range(count):
                raise ConfigError(
                    f"{topic} has no partition {self.partition}, but 0 to {count - 1}"
                )
        return [(topic, self.partition) for topic in partitions]

    def matches(self, delivery: Delivery) -> bool:
        """Tell whether this record is asked for, of a partition that is."""
        if self.key is not None and delivery.key != self.key:
            return False
        return self.full_name is None or is_of_type(delivery, self.full_name)


_ANY: Final = RecordFilter()


def tail(
    cluster: Cluster,
    topics: Sequence[str],
    *,
    begin: Begin = "latest",
    wanted: RecordFilter = _ANY,
    limit: int | None = None,
    idle_timeout_s: float | None = None,
    on_quiet: Callable[[], None] = lambda: None,
) -> Iterator[Delivery]:
    """Yield deliveries of these topics as they arrive; commits nothing.

    Args:
        cluster: Where.
        topics: What to read.
        begin: Where: with the oldest record there is, the next one, the first one of a time on,
            at an offset (of one partition), or before the end.
        wanted: Which records; others are read and passed over.
        limit: Stop after so many.
        idle_timeout_s: Stop when nothing has arrived for so long, in seconds, not even what is
            passed over; None waits without limit.
        on_quiet: Called once, when nothing was yielded for ``QUIET_S``.

    Raises:
        ConfigError: there is no such partition, or no such offset in it.
        TopicMissingError: names the topics that do not exist.
        TransportError: reading failed.
    """
    admin = cluster.admin(topics)
    positions = _positions(admin, wanted.of(admin.partitions), begin)
    left = float("inf") if limit is None else limit
    with KafkaReader(cluster.kafka, positions) as reader:
        came_at = yielded_at = time.monotonic()
        told = False
        while True:
            for delivery in reader.read(_CHUNK, _POLL_S):
                if wanted.matches(delivery):
                    yield delivery
                    left -= 1
                    if not left:
                        return
                    yielded_at = time.monotonic()
                came_at = time.monotonic()
            now = time.monotonic()
            if idle_timeout_s is not None and now - came_at >= idle_timeout_s:
                return
            if not told and now - yielded_at >= QUIET_S:
                told = True
                on_quiet()


def _positions(
    admin: KafkaAdmin, pairs: Sequence[TopicPartition], begin: Begin
) -> dict[TopicPartition, int]:
    # Asked before the time is looked up: what comes in between has a later time, too.
    ends = admin.ends(pairs)
    if begin == "earliest":
        return {pair: low for pair, (low, _) in ends.items()}
    if isinstance(begin, Last):
        return {pair: max(low, high - begin.count) for pair, (low, high) in ends.items()}
    if isinstance(begin, AtOffset):
        for pair, (low, high) in ends.items():
            if not low <= begin.offset <= high:  # The one after the last is the next to come.
                raise no_such_offset(pair, begin.offset, low, high)
        return dict.fromkeys(pairs, begin.offset)
    found = admin.at_time(pairs, begin) if isinstance(begin, datetime) else {}
    return {pair: found.get(pair, high) for pair, (_, high) in ends.items()}


def no_such_offset(pair: TopicPartition, offset: int, low: int, high: int) -> ConfigError:
    """Return the error for an offset that a partition does not hold."""
    held = f"offsets {low} to {high - 1}" if high > low else "nothing"
    return ConfigError(f"{pair[0]}/{pair[1]} has no offset {offset}: it holds {held}")


def read_stored(
    cluster: Cluster, ends: Mapping[TopicPartition, tuple[int, int]], limit: int | None = None
) -> Iterator[Delivery]:
    """Yield what these ranges of offsets hold, at most ``limit`` records.

    A range may end in marks of transactions, which are not records.

    Raises:
        TransportTimeoutError: nothing came for a while, and there is more; or a transaction is
            not over, whose records nobody is given.
        TransportError: reading failed.
    """
    return islice(_stored(cluster, ends), limit)


def _stored(cluster: Cluster, ends: Mapping[TopicPartition, tuple[int, int]]) -> Iterator[Delivery]:
    open_ends = {pair: high for pair, (low, high) in ends.items() if high > low}
    if not open_ends:
        return
    with KafkaReader(cluster.kafka, {pair: ends[pair][0] for pair in open_ends}) as reader:
        quiet_since = time.monotonic()
        while open_ends:
            deliveries = reader.read(_CHUNK, _POLL_S)
            for delivery in deliveries:
                pair = (delivery.topic, delivery.partition)
                high = open_ends.get(pair, 0)  # 0: it was written after the range was taken.
                if delivery.offset < high:
                    yield delivery
                if delivery.offset >= high - 1:
                    open_ends.pop(pair, None)
            for pair, end in reader.ended.items():
                if end >= open_ends.get(pair, end):
                    open_ends.pop(pair, None)
            if deliveries:
                # After what was done with them, which may take long.
                quiet_since = time.monotonic()
            elif open_ends and time.monotonic() - quiet_since > _STALL_S:
                raise _stalled(cluster, open_ends)


def _stalled(cluster: Cluster, open_ends: Mapping[TopicPartition, int]) -> TransportTimeoutError:
    (topic, number), high = next(iter(open_ends.items()))
    return TransportTimeoutError(
        f"reading {topic}/{number} from {cluster.kafka.bootstrap_servers} up to offset {high}: "
        f"nothing came for {_STALL_S:g} s; a broker does not answer, or a transaction is not over, "
        "which the brokers take back within a minute or so"
    )
