"""Set where a group goes on: to handle events again, or to skip them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from pat_events.core.spelling import which_are_there
from pat_events.core.wording import counted
from pat_events.errors import ConfigError, TransportError
from pat_events.ops.group_topics import all_partitions, retry_topics_of, topics_of
from pat_events.transports.kafka.group_positions import GroupPositions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.core.record import TopicPartition
    from pat_events.ops.cluster import Cluster
    from pat_events.transports.kafka.admin import KafkaAdmin

#: An end of the log, the first record of that time or later, or an offset.
Target: TypeAlias = Literal["earliest", "latest"] | datetime | int


@dataclass(frozen=True, slots=True)
class Move:
    """One partition's position, before and after.

    All of them are offsets. ``before`` is None where the group has no position; ``low`` is the
    first that is stored, ``end`` the one after the last.
    """

    topic: str
    partition: int
    before: int | None
    after: int
    low: int
    end: int

    @property
    def lag(self) -> int:
        """How far the group is behind afterwards."""
        return self.end - self.after

    @property
    def again(self) -> int:
        """How many offsets the group has passed and meets again."""
        return max(0, self._stored_before - self.after)

    @property
    def skipped(self) -> int:
        """How many offsets the group has not passed and never meets."""
        return max(0, self.after - self._stored_before)

    @property
    def _stored_before(self) -> int:
        """The position as far as it is within what is stored; nothing is passed without one."""
        return self.low if self.before is None else min(max(self.before, self.low), self.end)


@dataclass(frozen=True, slots=True)
class Reset:
    """What would become of a group's positions; ``members`` are who is in the way, named."""

    group: str
    moves: tuple[Move, ...]
    members: tuple[str, ...]

    @property
    def changes(self) -> tuple[Move, ...]:
        """Those moves that move something."""
        return tuple(move for move in self.moves if move.before != move.after)

    @property
    def obstacle(self) -> str:
        """Why it cannot be carried out, as a sentence; empty where nobody is in the group."""
        if not self.members:
            return ""
        return (
            f"group {self.group} has {counted(len(self.members), 'member')}, whose next commit "
            f"would undo it: stop {', '.join(self.members)}"
        )


def plan(
    cluster: Cluster,
    catalog: Catalog,
    group: str,
    to: Target,
    topics: Collection[str] = (),
    partitions: Collection[int] = (),
) -> Reset:
    """Return what setting a group's positions would do; changes nothing.

    Args:
        cluster: Where.
        catalog: What its groups consume; others have the topics they have committed.
        group: Name of the group.
        to: Where it goes on. A time after the last record is the end.
        topics: Its topics this is about; when empty all of them but its retry topics, where "again"
            would be every letter that was ever replayed.
        partitions: Their partitions this is about; all of them when empty.

    Raises:
        ConfigError: there is no such group, topic, partition or offset; names those there are.
        TransportError: the cluster did not answer, or does not permit it.
    """
    admin = cluster.admin()
    everywhere = all_partitions(admin)
    with GroupPositions(cluster.kafka, group) as positions:
        committed = positions.committed(everywhere)
        own = topics_of(group, admin, catalog, committed)
        pairs = _chosen(group, admin, everywhere, own, topics, partitions)
        if isinstance(to, int) and len(pairs) > 1:
            raise ConfigError(
                f"an offset is of one partition, and these are {len(pairs)}: name one topic and "
                "one partition"
            )
        ends = admin.ends(pairs)
        before = positions.valid(pairs)
        times = admin.at_time(pairs, to) if isinstance(to, datetime) else {}
    after = {pair: _target(pair, to, ends[pair], times.get(pair)) for pair in pairs}
    moves = tuple(Move(*p, before.get(p), after[p], *ends[p]) for p in pairs)
    return Reset(group, moves, _members(admin, group))


def apply(cluster: Cluster, reset: Reset) -> None:
    """Carry it out.

    Raises:
        TransportError: somebody is in the group, and nothing was changed; or the cluster refused,
            which it does for each topic: the message names those that were changed all the same.
        TransportTimeoutError: no answer came; it is unknown whether it was done.
    """
    if reset.obstacle:
        raise TransportError(reset.obstacle)
    with GroupPositions(cluster.kafka, reset.group) as positions:
        positions.set({(move.topic, move.partition): move.after for move in reset.changes})


def _members(admin: KafkaAdmin, group: str) -> tuple[str, ...]:
    # 'client.id' is the same for all members of a service, hosts may be as well.
    return tuple(
        f"{member.client} on {member.host} ({member.instance or member.id})"
        for member in admin.membership(group).members
    )


def _chosen(
    group: str,
    admin: KafkaAdmin,
    everywhere: Sequence[TopicPartition],
    own: Collection[str],
    topics: Collection[str],
    partitions: Collection[int],
) -> list[TopicPartition]:
    """Return the partitions this is about."""
    if not (own or topics):
        raise ConfigError(
            f"group {group} has no positions and is not in the catalogue: name its topics"
        )
    for topic in topics:
        if own and topic not in {*own, *retry_topics_of(group, own)}:
            raise ConfigError(
                f"group {group} reads no topic {topic!r}{which_are_there(topic, own)}"
            )
    wanted = topics or own
    # Also where one of them may not be seen.
    admin.require(sorted(wanted))
    pairs = [pair for pair in everywhere if pair[0] in wanted]
    for number in partitions:
        for topic in sorted(wanted):
            if (topic, number) not in pairs:
                count = sum(pair[0] == topic for pair in pairs)
                raise ConfigError(f"{topic} has no partition {number}: it has 0 to {count - 1}")
    return [pair for pair in pairs if not partitions or pair[1] in partitions]


def _target(pair: TopicPartition, to: Target, ends: tuple[int, int], at: int | None) -> int:
    low, end = ends
    if to == "earliest":
        return low
    if isinstance(to, int):
        if not low <= to <= end:
            raise ConfigError(
                f"{pair[0]}/{pair[1]} has no offset {to}: it has {low} to {end}, the end"
            )
        return to
    # No record is of that time or later.
    return end if at is None else at
