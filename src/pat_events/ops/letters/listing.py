"""How many dead letters there are, and why."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.catalog.model import DEAD_LETTER_SUFFIX
from pat_events.ops.letters.counting import LetterCounts
from pat_events.ops.letters.letter import Letter
from pat_events.ops.letters.reading import TELL_EVERY, no_letters
from pat_events.ops.tail import read_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.core.record import TopicPartition
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.counting import LetterGroup

#: How many letters are read, of all topics, where no exact figures are asked for.
TAIL: Final = 5_000
# Of a partition among many.
_TAIL_MIN: Final = 50


@dataclass(frozen=True, slots=True)
class DeadLetterTopic:
    """What a dead-letter topic holds.

    Attributes:
        topic: Its name.
        letters: How many letters it holds; where not all were read, how many offsets, and these
            are as many, or more where some were deleted one by one.
        read: How many were read: the last ones of each partition.
        complete: Whether these are all.
        groups: Those that were read, by cause and handler, the most frequent first.
    """

    topic: str
    letters: int
    read: int
    complete: bool
    groups: Sequence[LetterGroup]


@dataclass(frozen=True, slots=True)
class DeadLetterTopics:
    """Those that may be seen, and the names of those of the catalogue's groups that may not.

    Where there are some of these, nothing in the others says nothing.
    """

    seen: Sequence[DeadLetterTopic]
    unseen: Sequence[str]


def list_topics(
    cluster: Cluster,
    catalog: Catalog,
    topics: Sequence[str] = (),
    *,
    exact: bool = False,
    tell: Callable[[int, int], None] = lambda _passed, _total: None,
) -> DeadLetterTopics:
    """Return what dead-letter topics hold, by cause and handler.

    Args:
        cluster: Where.
        catalog: Where its groups' dead-letter topics may not be seen, that is told.
        topics: Which, of any name where their records tell causes, such as Spring's; every
            dead-letter topic of the cluster when empty.
        exact: Read all letters, and not the last ``TAIL``.
        tell: Is given how many were read, and of how many, as it goes on.

    Raises:
        ConfigError: one of ``topics`` is no dead-letter topic.
        TopicMissingError: one of ``topics`` does not exist.
        TransportError: the cluster did not answer, or does not permit it.
    """
    admin = cluster.admin(topics)
    layouts = admin.layouts()
    chosen = sorted(set(topics)) or sorted(it for it in layouts if it.endswith(DEAD_LETTER_SUFFIX))
    ends = admin.ends(
        [(topic, number) for topic in chosen for number in range(layouts[topic].partitions)]
    )
    _refuse_empty(chosen, ends)
    read = ends if exact else _tails(ends)
    counts = {topic: LetterCounts() for topic in chosen}
    total = sum(high - low for low, high in read.values())
    for passed, delivery in enumerate(read_stored(cluster, read, sys.maxsize)):
        letter, counted = Letter.of(delivery), counts[delivery.topic]
        if not counted.letters and not letter.tells_a_cause and _is_foreign(delivery.topic):
            raise no_letters(delivery.topic, str(delivery.position))
        counted.add(letter)
        if passed % TELL_EVERY == 0:
            tell(passed, total)
    listed = [_listed(topic, counts[topic], ends, read) for topic in chosen]
    wanted = {topic for group in catalog.groups for topic in catalog.dead_letter_topics(group)}
    unseen = () if topics else sorted(wanted - layouts.keys())
    return DeadLetterTopics(listed, admin.hidden(unseen))


def _is_foreign(topic: str) -> bool:
    return not topic.endswith(DEAD_LETTER_SUFFIX)


def _refuse_empty(topics: Sequence[str], ends: Mapping[TopicPartition, tuple[int, int]]) -> None:
    filled = {topic for (topic, _), (low, high) in ends.items() if high > low}
    for topic in topics:
        if _is_foreign(topic) and topic not in filled:
            raise no_letters(topic, "none of its records")


def _listed(
    topic: str,
    counts: LetterCounts,
    ends: dict[TopicPartition, tuple[int, int]],
    read: dict[TopicPartition, tuple[int, int]],
) -> DeadLetterTopic:
    mine = [pair for pair in ends if pair[0] == topic]
    complete = all(read[pair] == ends[pair] for pair in mine)
    stored = sum(ends[pair][1] - ends[pair][0] for pair in mine)
    return DeadLetterTopic(
        topic, counts.letters if complete else stored, counts.letters, complete, counts.groups()
    )


def _tails(
    ends: dict[TopicPartition, tuple[int, int]],
) -> dict[TopicPartition, tuple[int, int]]:
    filled = sum(high > low for low, high in ends.values())
    each = max(TAIL // max(filled, 1), _TAIL_MIN)
    return {pair: (max(low, high - each), high) for pair, (low, high) in ends.items()}
