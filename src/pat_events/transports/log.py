"""The contract of a transport that is a log: partitions, offsets and consumer groups.

A *receiver* is one member of a group. The suite in ``tests/transports`` runs against every
implementation.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from pat_events.transports.sending import SendingTransport

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pat_events.core.record import Delivery, TopicPartition
    from pat_events.errors import PatEventsError

Start: TypeAlias = Literal["earliest", "latest"] | datetime


class CommitAnswer(NamedTuple):
    """What came of a commit that nobody waited for.

    Attributes:
        offsets: What was to be committed.
        seconds: How long the answer took, to the poll that brought it.
        error: Why some of it was not committed; or None.
    """

    offsets: Mapping[TopicPartition, int]
    seconds: float
    error: PatEventsError | None


class RebalanceListener(Protocol):
    """What a receiver tells its owner, always from within ``Receiver.poll`` or ``close``."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are now ours, in addition to what we had."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions go to another member when this call returns: drain and commit now."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions already belong to another member: forget, commit nothing."""


class Receiver(Protocol):
    """One member of a consumer group. One thread owns it and makes every call."""

    def subscribe(
        self, topics: Sequence[str], listener: RebalanceListener, own: Collection[str] = ()
    ) -> None:
        """Join the group; assignment arrives during later polls.

        Args:
            topics: What it reads.
            listener: Is told what the member has.
            own: Topics that are written for this group alone, read beside the others. They need not
                be there, and are read as soon as they are. All of each is read, whatever the
                ``start``: what was written before the group knew of it was meant for it.
        """

    def poll(self, max_records: int, timeout_s: float) -> list[Delivery]:
        """Return what is there, at most ``max_records``; wait ``timeout_s`` only for the first.

        Raises:
            TransportError: reading failed in a way that needs attention (no
                permission, topic gone). The receiver stays usable.
            OffsetOutOfRangeError: the position to read from is no longer in the log, or belongs to
                a topic of that name that was deleted. Nothing of that partition is committed any
                more.
            HoldError: this member reads no more: its client is dead, or a rebalance failed; has to
                be started again.
            ConfigError: the group's other members share partitions out in a way this one does not
                know.
        """

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver nothing from these partitions until resumed; membership is kept."""

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Deliver from these partitions again."""

    def ends(self) -> Mapping[TopicPartition, int]:
        """Return, for assigned partitions that were read to their end, the position of that end.

        Everything before it was returned by ``poll``. It may be later than the one after the last
        record, where the log holds what is never delivered: transaction markers, and gaps.
        The last end that was reached is kept while later records are read.
        """

    def has_joined(self) -> bool:
        """Tell whether the group has this member, with partitions or without."""

    def log_ends(self) -> Mapping[TopicPartition, int]:
        """Return where assigned partitions end, as far as that is known without waiting.

        It is the position of the next record to be written, as the last answer to a fetch told it;
        of a partition that is paused it may be some seconds old.
        """

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> None:
        """Record the next offset to read per partition, save those found to be out of range.

        With ``wait`` the call returns when the broker has answered, or raises
        TransportError. Without it errors are logged and the next commit repairs them. From within
        ``close`` a cluster that does not answer is given up (Kafka: after 5 s).

        Raises:
            TransportError: a partition is not assigned to this member; nothing was recorded.
        """

    def commit_answers(self) -> Sequence[CommitAnswer]:
        """Return what came of commits without ``wait``, of those not told before.

        One that a rebalance overtook has no answer: the next owner goes on from where it was.
        """

    def close(self) -> None:
        """Leave the group. Calls ``revoked`` for what is still assigned."""


class Transport(SendingTransport, Protocol):
    """Makes senders and receivers for one cluster."""

    def receiver(self, group: str, start: Start) -> Receiver:
        """Return a new member of ``group``, not yet subscribed.

        Args:
            group: Name of the consumer group.
            start: Where a partition begins that the group never committed. One that was added to
                a topic after the group began with it begins with its first record, so that
                nothing is skipped that came before it was assigned.
        """

    def cluster_id(self, timeout_s: float) -> str:
        """Return what tells this cluster from others, by whatever address it is reached.

        Raises:
            TransportUnavailableError: nobody answered in time; names the address.
        """

    def log_ends(
        self, partitions: Sequence[TopicPartition], timeout_s: float
    ) -> Mapping[TopicPartition, int]:
        """Return the position of the next record to be written to each, of those that answer.

        It asks the cluster, by a client of its own; callable from any thread.

        Raises:
            TransportUnavailableError: nobody answered in time; names the address.
        """

    def partitions(self, topics: Sequence[str], timeout_s: float) -> dict[str, int]:
        """Return the partition count of each topic.

        Raises:
            TransportUnavailableError: nobody answered in time; names the address.
            TopicMissingError: names the topics that do not exist.
        """
