"""Dead letters: how many, why, and what each of them is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pat_events.catalog.model import DEAD_LETTER_SUFFIX
from pat_events.core.dead_letter import read_cause
from pat_events.core.shown import one_line
from pat_events.errors import ConfigError
from pat_events.ops.json_records import record_as_json
from pat_events.ops.tail import RecordFilter, no_such_offset, read_stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pat_events.catalog.binding import EventTypes
    from pat_events.catalog.model import Catalog
    from pat_events.core.dead_letter import StoredCause
    from pat_events.core.record import Position
    from pat_events.ops.cluster import Cluster

# Reasons are counted by reading; a topic with more than this has other problems than its mix.
MAX_COUNTED: Final = 10_000
# Ours are a word; a stranger's letter may hold any text.
_REASON_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class DeadLetterTopic:
    """What a dead-letter topic holds; ``complete`` is false where only a part was read.

    ``reasons`` counts by reason, the most frequent first; a long one is cut.
    """

    topic: str
    letters: int
    reasons: Mapping[str, int]
    complete: bool


@dataclass(frozen=True, slots=True)
class DeadLetterTopics:
    """Those that may be seen, and the names of those of the catalogue's groups that may not.

    Where there are some of these, nothing in the others says nothing.
    """

    seen: Sequence[DeadLetterTopic]
    unseen: Sequence[str]


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """One dead letter: where it is, its cause and its content.

    ``record`` is the whole of it as values JSON can hold: envelope, headers and the event, or
    why that cannot be read.
    """

    position: Position
    cause: StoredCause
    record: Mapping[str, Any]


def list_topics(cluster: Cluster, catalog: Catalog) -> DeadLetterTopics:
    """Return every dead-letter topic of the cluster with its counts.

    Args:
        cluster: Where.
        catalog: Where its groups' dead-letter topics may not be seen, that is told.

    Raises:
        TransportError: the cluster did not answer, or does not permit it.
    """
    admin = cluster.admin()
    layouts = admin.layouts()
    listed = []
    for topic in sorted(name for name in layouts if name.endswith(DEAD_LETTER_SUFFIX)):
        ends = admin.ends([(topic, number) for number in range(layouts[topic].partitions)])
        reasons: Counter[str] = Counter()
        for delivery in read_stored(cluster, ends, MAX_COUNTED):
            reason = read_cause(delivery.header_values).reason
            reasons[one_line(reason, _REASON_MAX) or "unknown"] += 1
        read = reasons.total()
        complete = read < MAX_COUNTED
        stored = sum(high - low for low, high in ends.values())
        listed.append(
            DeadLetterTopic(
                topic, read if complete else stored, dict(reasons.most_common()), complete
            )
        )
    wanted = {topic for group in catalog.groups for topic in catalog.dead_letter_topics(group)}
    return DeadLetterTopics(listed, admin.hidden(sorted(wanted - layouts.keys())))


def show(
    cluster: Cluster,
    types: EventTypes | None,
    topic: str,
    *,
    partition: int | None = None,
    offset: int | None = None,
    limit: int = 10,
) -> Iterator[StoredLetter]:
    """Yield dead letters of a topic, oldest first in each partition.

    Args:
        cluster: Where.
        types: What the events are decoded with.
        topic: The dead-letter topic.
        partition: Only this partition.
        offset: Only the letter at this offset of ``partition``.
        limit: Most letters.

    Raises:
        ConfigError: this is no dead-letter topic, there is no such partition, or nothing at this
            offset.
        TopicMissingError: the topic does not exist.
        TransportError: reading failed.
    """
    if not topic.endswith(DEAD_LETTER_SUFFIX):
        raise ConfigError(
            f"{topic} is no dead-letter topic: name one as TOPIC.GROUP{DEAD_LETTER_SUFFIX}, as "
            "'pat-events dlq list' shows them"
        )
    if offset is not None and partition is None:
        raise ConfigError("an offset is one of a partition: name the partition as well")
    admin = cluster.admin([topic])
    ends = admin.ends(RecordFilter(partition).of(admin.partitions))
    if offset is not None and partition is not None:
        low, high = ends[topic, partition]
        if not low <= offset < high:
            raise no_such_offset((topic, partition), offset, low, high)
        ends, limit = {(topic, partition): (offset, offset + 1)}, 1
    for delivery in read_stored(cluster, ends, limit):
        yield StoredLetter(
            delivery.position, read_cause(delivery.header_values), record_as_json(types, delivery)
        )
