"""How groups do now: how far behind, how fast, by how many members, and what they gave up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pat_events.catalog.model import DEAD_LETTER_SUFFIX
from pat_events.errors import TransportError
from pat_events.ops.lag import lag, memberships

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.lag import PartitionLag
    from pat_events.transports.kafka.membership import Membership


@dataclass(frozen=True, slots=True)
class Look:
    """What was found at one time.

    Attributes:
        at: When, by the monotonic clock, in seconds.
        lags: By group, or why that cannot be told.
        members: By group, or why that cannot be told.
        letters: By dead-letter topic, of any group: how many it has.
        ever: Likewise, how many it ever got: the offsets of its ends.
    """

    at: float
    lags: Mapping[str, Sequence[PartitionLag] | TransportError]
    members: Mapping[str, Membership | TransportError]
    letters: Mapping[str, int]
    ever: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One group. Rates are events a second since the look before; None where that tells none.

    Attributes:
        group: Its name.
        state: Kafka's word for it, or why it cannot be told.
        members: How many it has; None where that cannot be told.
        lag: In offsets; None where that cannot be told.
        lag_s: How long it takes until all that is there is read, at this rate; None where it is not
            read, and 0 where nothing is left.
        read_rate: So many it commits.
        write_rate: So many come to its topics.
        letters: In its dead-letter topics.
        letters_more: So many more than at the look before.
    """

    group: str
    state: str
    members: int | None
    lag: int | None
    lag_s: float | None
    read_rate: float | None
    write_rate: float | None
    letters: int
    letters_more: int


def look(cluster: Cluster, catalog: Catalog, groups: Sequence[str] | None = None) -> Look:
    """Return how groups are now.

    Args:
        cluster: Where.
        catalog: What groups there should be.
        groups: Their names; every group of the catalogue and of the cluster when None.

    Raises:
        ConfigError: neither the catalogue nor the cluster knows a group.
        TransportError: the cluster did not answer, or does not permit it.
    """
    lags = lag(cluster, catalog, groups)
    at = time.monotonic()
    admin = cluster.admin()
    pairs = [
        (topic, number)
        for topic, layout in admin.layouts().items()
        if topic.endswith(DEAD_LETTER_SUFFIX)
        for number in range(layout.partitions)
    ]
    letters: dict[str, int] = {}
    ever: dict[str, int] = {}
    for (topic, _), (low, high) in (admin.ends(pairs) if pairs else {}).items():
        letters[topic] = letters.get(topic, 0) + high - low
        ever[topic] = ever.get(topic, 0) + high
    return Look(at, lags, memberships(cluster, lags), letters, ever)


def rows(now: Look, before: Look | None) -> list[Row]:
    """Return each group's row, the one that is furthest behind first."""
    found = [_row(group, now, before) for group in now.lags]
    return sorted(found, key=lambda row: (-(row.lag or 0), row.group))


def _row(group: str, now: Look, before: Look | None) -> Row:
    lags, who = now.lags[group], now.members[group]
    suffix = f".{group}{DEAD_LETTER_SUFFIX}"
    topics = [topic for topic in now.letters if topic.endswith(suffix)]
    more = 0 if before is None else sum(now.ever[it] - before.ever.get(it, 0) for it in topics)
    behind = reads = writes = behind_s = None
    if not isinstance(lags, TransportError):
        behind = sum(each.lag for each in lags)
        reads, writes = _rates(group, lags, now, before)
        if behind == 0:
            behind_s = 0.0
        elif reads:
            behind_s = behind / reads
    return Row(
        group,
        str(who) if isinstance(who, TransportError) else who.state,
        None if isinstance(who, TransportError) else len(who.members),
        behind,
        behind_s,
        reads,
        writes,
        sum(now.letters[topic] for topic in topics),
        max(0, more),
    )


def _rates(
    group: str, lags: Sequence[PartitionLag], now: Look, before: Look | None
) -> tuple[float | None, float | None]:
    """Return how many events a second were committed, and how many came."""
    earlier = None if before is None else before.lags.get(group)
    if before is None or earlier is None or isinstance(earlier, TransportError):
        return None, None
    took_s = max(now.at - before.at, 1e-3)
    known = {(each.topic, each.partition): each for each in earlier}
    committed = written = 0
    for each in lags:
        was = known.get((each.topic, each.partition))
        if was is None:
            continue
        written += max(0, each.end - was.end)
        if each.committed is not None and was.committed is not None:
            # Where somebody has set it back, nothing was read.
            committed += max(0, each.committed - was.committed)
    return committed / took_s, written / took_s
