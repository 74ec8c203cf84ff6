"""What a service needs to be permitted, and what of it the cluster grants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.transports.kafka.admin import KafkaAdmin


@dataclass(frozen=True, slots=True)
class Needs:
    """The rights of one service: Kafka's operation names per topic, and its group."""

    topics: Mapping[str, frozenset[str]]
    group: str | None


def needs(catalog: Catalog, group: str | None, publishes: Sequence[str]) -> Needs:
    """Return what a member of a group and a publisher of these events must be permitted.

    Args:
        catalog: Says what the group consumes and publishes.
        group: A group of the catalogue; None for a service that only publishes.
        publishes: Names of further events.

    Raises:
        ConfigError: the catalogue has no such group.
        UnknownEventError: the catalogue has no such event.
    """
    topics: dict[str, frozenset[str]] = {}

    def add(names: Sequence[str], *operations: str) -> None:
        for name in names:
            topics[name] = topics.get(name, frozenset()) | frozenset(operations)

    if group is not None:
        entry = catalog.group(group)
        add(catalog.topics_of(entry.consumes), "READ")
        add(catalog.retry_topics(group), "READ")
        add(catalog.dead_letter_topics(group), "WRITE")
        add(catalog.topics_of(entry.publishes), "WRITE")
    add(catalog.topics_of(publishes), "WRITE")
    return Needs(topics, group)


def lacking(admin: KafkaAdmin, wanted: Needs) -> list[str] | None:
    """Return the rights that are missing, a phrase each; None where the cluster does not say.

    Raises:
        TransportError: the cluster did not answer.
    """
    missing = []
    told = False
    for topic, operations in admin.permitted(list(wanted.topics)).items():
        if operations is not None:
            told = True
            names = sorted(wanted.topics[topic] - operations)
            missing += [f"{name.capitalize()} on topic {topic}" for name in names]
    if wanted.group is not None:
        operations = admin.permitted_on_group(wanted.group)
        told = told or operations is not None
        if operations is not None and "READ" not in operations:
            missing.append(f"Read on group {wanted.group}")
    return missing if told else None
