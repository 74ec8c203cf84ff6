"""What happened to a consumer's partitions, and how full they are, as frozen values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.core.record import TopicPartition


class PartitionLevel(NamedTuple):
    """How much of an assigned partition, or of a queue, is not done.

    Attributes:
        in_flight: So many events were taken and are not settled.
        in_flight_bytes: Payload bytes of those.
        lanes: So many keys have some of them: no more handlers can be at work.
        paused: It is not read for a while.
        lag: From the lowest event that is not settled to the end of the log, in offsets; None where
            the end is not known.
        oldest_ms: When the oldest event that is not settled was published, in milliseconds since
            1970, to a poll's first event; None where all is settled.
    """

    topic: str
    partition: int
    in_flight: int
    in_flight_bytes: int
    lanes: int
    paused: bool
    lag: int | None
    oldest_ms: int | None


class Levels(NamedTuple):
    """How full a consumer is; told about once a second where an observer wants levels.

    Of a group whose own thread is stuck another one tells it, every few seconds.

    Attributes:
        partitions: One for each assigned partition, or the one of a queue.
        held: So many events, or keys of them, are held.
        retried: So many wait for another attempt.
    """

    partitions: Sequence[PartitionLevel]
    held: int
    retried: int


class Assigned(NamedTuple):
    """These partitions are this member's."""

    partitions: Sequence[TopicPartition]


class Revoked(NamedTuple):
    """These partitions were given back; ``returned`` events of them were not done."""

    partitions: Sequence[TopicPartition]
    returned: int


class Lost(NamedTuple):
    """These partitions are another member's already; ``returned`` events were not done."""

    partitions: Sequence[TopicPartition]
    returned: int


class Paused(NamedTuple):
    """These partitions are not read for a while: too much of them is not done."""

    partitions: Sequence[TopicPartition]


class Resumed(NamedTuple):
    """These partitions are read again."""

    partitions: Sequence[TopicPartition]


class Committed(NamedTuple):
    """The log was told where to go on; whether it took it is known only where that was waited for.

    Each position is that of the next event to read.
    """

    offsets: Mapping[TopicPartition, int]


class CommitFailed(NamedTuple):
    """The log could not be told where to go on."""

    offsets: Mapping[TopicPartition, int]
    error: BaseException
