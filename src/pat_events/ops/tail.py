"""Read topics as they grow, as no member of a group."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from pat_events.transports.kafka.reader import KafkaReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pat_events.core.record import Delivery
    from pat_events.ops.cluster import Cluster
    from pat_events.transports.log import TopicPartition

# Longest wait inside the client, in seconds: bounds how late the end is seen.
_POLL_S: Final = 0.1
_CHUNK: Final = 500
# Where nothing has arrived for so long, in seconds, nothing more is there.
_STALL_S: Final = 15.0


def tail(
    cluster: Cluster,
    topics: Sequence[str],
    *,
    from_beginning: bool = False,
    max_records: int | None = None,
    timeout_s: float | None = None,
) -> Iterator[Delivery]:
    """Yield deliveries of these topics as they arrive; commits nothing.

    Args:
        cluster: Where.
        topics: What to read.
        from_beginning: Begin with the oldest record there is, not with the next one.
        max_records: Stop after so many.
        timeout_s: Stop when nothing has arrived for so long, in seconds; None waits without limit.

    Raises:
        TopicMissingError: names the topics that do not exist.
        TransportError: reading failed.
    """
    admin = cluster.admin(topics)
    pairs = [(topic, n) for topic, count in admin.partitions.items() for n in range(count)]
    ends = admin.ends(pairs)
    left = float("inf") if max_records is None else max_records
    with KafkaReader(
        cluster.kafka, {pair: ends[pair][not from_beginning] for pair in pairs}
    ) as reader:
        quiet_since = time.monotonic()
        while left > 0:
            for delivery in reader.read(int(min(left, _CHUNK)), _POLL_S):
                yield delivery
                left -= 1
                quiet_since = time.monotonic()
            if timeout_s is not None and time.monotonic() - quiet_since >= timeout_s:
                return


def read_stored(
    cluster: Cluster, ends: dict[TopicPartition, tuple[int, int]], limit: int
) -> Iterator[Delivery]:
    """Yield what these ranges of offsets hold, at most ``limit`` records.

    A range may end in markers that are not records, so an end is also where nothing more
    arrives any more.
    """
    open_ends = {pair: high for pair, (low, high) in ends.items() if high > low}
    if not open_ends or limit < 1:
        return
    with KafkaReader(cluster.kafka, {pair: ends[pair][0] for pair in open_ends}) as reader:
        quiet_since = time.monotonic()
        while open_ends and time.monotonic() - quiet_since < _STALL_S:
            for delivery in reader.read(_CHUNK, _POLL_S):
                quiet_since = time.monotonic()
                pair = (delivery.topic, delivery.partition)
                high = open_ends.get(pair)
                if high is None:
                    continue  # Written after the range was taken.
                if delivery.offset >= high - 1:
                    del open_ends[pair]
                if delivery.offset < high:
                    yield delivery
                    limit -= 1
                    if not limit:
                        return
