"""How far a group is behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pat_events.errors import TransportError, TransportUnavailableError
from pat_events.ops.group_topics import all_partitions, retry_topics_of, topics_of
from pat_events.transports.kafka import coordinator
from pat_events.transports.kafka.in_subprocess import ask_in_subprocess

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.core.record import TopicPartition
    from pat_events.ops.cluster import Cluster
    from pat_events.transports.kafka.admin import KafkaAdmin
    from pat_events.transports.kafka.membership import Membership


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition as a group sees it.

    ``committed`` is None where the group has no position yet; ``lag`` then counts all that is
    there, which is what a group that starts at the earliest record has before it. It counts
    offsets: transaction markers are among them until a member has read past them.
    """

    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int


def lag(
    cluster: Cluster, catalog: Catalog, groups: Sequence[str] | None = None
) -> dict[str, list[PartitionLag] | TransportError]:
    """Return the lag of groups on their topics: the catalogue's, and those they have committed.

    Their retry topics are among them, where these are there.

    A group whose lag cannot be told has the reason in its place: a topic that is missing or not
    permitted, or a right on the group. The others are told all the same.

    Args:
        cluster: Where.
        catalog: What groups there should be.
        groups: Their names; every group of the catalogue and of the cluster when None.

    Raises:
        ConfigError: neither the catalogue nor the cluster knows a group; names the nearest.
        TransportUnavailableError: the cluster did not answer.
    """
    admin = cluster.admin()
    names = sorted({*catalog.groups, *admin.groups()}) if groups is None else groups
    everywhere = all_partitions(admin)
    found: dict[str, list[PartitionLag] | TransportError] = {}
    for name in names:
        try:
            found[name] = _lag_of(name, admin, catalog, everywhere)
        except TransportUnavailableError:
            raise
        except TransportError as error:
            found[name] = error
    return found


def memberships(cluster: Cluster, groups: Iterable[str]) -> dict[str, Membership | TransportError]:
    """Return who is in each of these groups, or why that cannot be told.

    Raises:
        TransportUnavailableError: the cluster did not answer.
    """
    names = list(groups)
    try:
        return ask_in_subprocess(cluster.kafka, coordinator.memberships, names)
    except TransportUnavailableError:
        raise
    except TransportError as error:
        return dict.fromkeys(names, error)


def _lag_of(
    group: str, admin: KafkaAdmin, catalog: Catalog, everywhere: Sequence[TopicPartition]
) -> list[PartitionLag]:
    committed = admin.committed(group, everywhere)
    topics = topics_of(group, admin, catalog, committed)
    if unseen := topics - {topic for topic, _ in everywhere}:
        admin.require(sorted(unseen))
    topics |= retry_topics_of(group, topics)
    pairs = [(topic, partition) for topic, partition in everywhere if topic in topics]
    ends = admin.ends(pairs)
    return [_lag(pair, committed.get(pair), *ends[pair]) for pair in pairs]


def _lag(pair: tuple[str, int], committed: int | None, low: int, high: int) -> PartitionLag:
    # A position before the first record there is: what was deleted is no longer waiting. One past
    # the end is of a topic that was deleted: all of the one there is waits.
    begin = low if committed is None or committed > high else max(committed, low)
    return PartitionLag(*pair, committed, high, max(0, high - begin))
