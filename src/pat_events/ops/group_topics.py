"""Which topics are a group's: those the catalogue names, and those it has committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.catalog.topic_names import retry_topic_name
from pat_events.core.spelling import which_are_there
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pat_events.catalog.model import Catalog
    from pat_events.core.record import TopicPartition
    from pat_events.transports.kafka.admin import KafkaAdmin


def all_partitions(admin: KafkaAdmin) -> list[TopicPartition]:
    """Return every partition of every topic that may be seen, sorted."""
    return [
        (topic, partition)
        for topic, layout in sorted(admin.layouts().items())
        for partition in range(layout.partitions)
    ]


def topics_of(
    group: str, admin: KafkaAdmin, catalog: Catalog, committed: Collection[TopicPartition]
) -> set[str]:
    """Return the topics of a group, its retry topics aside; the catalogue's need not be there.

    Args:
        group: Name of the group.
        admin: Where.
        catalog: What its groups consume.
        committed: The partitions in which the group has positions.

    Raises:
        ConfigError: neither the catalogue nor the cluster knows the group; names the nearest.
    """
    entry = catalog.groups.get(group)
    if entry is None and not committed:
        known = {*catalog.groups, *admin.groups()}
        if group not in known:
            raise ConfigError(f"there is no group {group!r}{which_are_there(group, known)}")
    consumed = () if entry is None else catalog.topics_of(entry.consumes)
    found = {*consumed, *(topic for topic, _ in committed)}
    return found - retry_topics_of(group, found)


def retry_topics_of(group: str, topics: Iterable[str]) -> set[str]:
    """Return the topics in which a group meets its dead letters of these again, there or not."""
    # The catalogue would refuse names of groups that are none of its own.
    return {retry_topic_name(topic, group) for topic in topics}
