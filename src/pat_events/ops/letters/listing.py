"""Dead letters: how many, why, and what each of them is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.catalog.model import DEAD_LETTER_SUFFIX
from pat_events.core.dead_letter import read_cause
from pat_events.core.shown import one_line
from pat_events.ops.tail import read_stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.catalog.model import Catalog
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
