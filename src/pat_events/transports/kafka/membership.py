"""Who is in a group, and what each of them reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confluent_kafka.admin import ConsumerGroupDescription  # type: ignore[attr-defined]

    from pat_events.core.record import TopicPartition


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group.

    ``id`` is what the broker calls it, a new one each time it joins; ``instance`` is its own
    lasting name where it has one (``group.instance.id``).
    """

    id: str
    instance: str | None
    client: str
    host: str
    partitions: frozenset[TopicPartition]


@dataclass(frozen=True, slots=True)
class Membership:
    """The members of a group; ``state`` is Kafka's word, in small letters.

    ``stable``, ``empty`` where nobody is in it, ``preparing rebalancing`` and ``completing
    rebalancing`` while members come and go, ``dead`` where the cluster knows no such group.
    """

    state: str
    members: tuple[Member, ...]

    def reader(self, pair: TopicPartition) -> Member | None:
        """Return the member that reads a partition."""
        return next((member for member in self.members if pair in member.partitions), None)


def membership_of(described: ConsumerGroupDescription) -> Membership:
    """Return the client's description of a group in this package's terms."""
    members = [
        Member(
            id=member.member_id,
            instance=member.group_instance_id,
            client=member.client_id,
            # As Java writes an address: a name that may be missing, and a slash.
            host=member.host.removeprefix("/"),
            partitions=frozenset(
                (it.topic, it.partition) for it in member.assignment.topic_partitions
            ),
        )
        for member in described.members
    ]
    return Membership(
        described.state.name.lower().replace("_", " "),
        tuple(sorted(members, key=lambda member: (member.client, member.host, member.id))),
    )
