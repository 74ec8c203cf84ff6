"""The contract every transport keeps.

A *sender* takes records and reports each one's fate exactly once; a *receiver*
is one member of a consumer group. The suite in ``tests/transports`` runs
against every implementation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Literal, TypeAlias

    from pat_events.core.record import Delivery, Header
    from pat_events.errors import PatEventsError

    TopicPartition: TypeAlias = tuple[str, int]
    OutgoingHeaders: TypeAlias = Sequence[Header] | dict[str, bytes | None]
    Start: TypeAlias = Literal["earliest", "latest"] | datetime


class Outgoing:
    """A record on its way, and what became of it.

    The sender calls ``settle`` exactly once, from whichever thread is inside one of its
    methods. Subclasses that override it must not raise.

    Attributes:
        headers: Pairs in their order, or a dict where no name comes twice: it is cheaper to build,
            and none of the garbage collector's business (in CPython up to 3.13).
        on_delivery: The sender's delivery callback; None until it was first sent. The client calls
            the record, which passes it on: a callback for each would be most of what the garbage
            collector has to look at while thousands wait.
    """

    __slots__ = (
        "error",
        "headers",
        "key",
        "offset",
        "on_delivery",
        "partition",
        "settled",
        "timestamp_ms",
        "topic",
        "value",
    )

    def __init__(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: OutgoingHeaders,
        timestamp_ms: int,
    ) -> None:
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
        self.timestamp_ms = timestamp_ms
        self.settled = False
        self.error: PatEventsError | None = None
        self.partition = -1
        self.offset = -1
        self.on_delivery: Callable[..., None] | None = None

    def __call__(self, error: object, message: object) -> None:
        """Pass on what a client reports."""
        self.on_delivery(self, error, message)  # type: ignore[misc]

    def settle(self, error: PatEventsError | None, partition: int, offset: int) -> None:
        """Record the outcome: the position in the log, or why there is none."""
        self.partition = partition
        self.offset = offset
        self.error = error
        self.settled = True


class Sender(Protocol):
    """Sends records. Every method may be called from any thread."""

    def send(self, outgoing: Outgoing) -> None:
        """Take one record into the buffer without waiting.

        Raises:
            BufferFullError: the buffer is full; the record was not taken.
            RecordTooLargeError: the record can never be sent; it was not taken.
            TopicMissingError: the topic is known not to exist; the record was not taken.
            TransportError: the client refused the record; it was not taken.
            ClosedError: the sender was closed.
        """

    def poll(self, timeout_s: float) -> None:
        """Settle finished records; wait up to ``timeout_s`` for the first."""

    def in_callback(self) -> bool:
        """Tell whether this thread is inside ``Outgoing.settle``.

        It must wait for nothing there: neither for room nor for another record's outcome.
        """

    def hurry(self) -> None:
        """Somebody waits for an acknowledgement now: settle as soon as it arrives."""

    def flush(self, timeout_s: float) -> list[Outgoing]:
        """Wait until every record is settled; returns those that are not in time.

        In a callback, which keeps acknowledgements from being told, it does not wait.
        """

    def close(self, timeout_s: float) -> list[Outgoing]:
        """Refuse further records, flush, then stop for good; returns those that were given up.

        Those are settled with TransportError, "not acknowledged before close": they may have been
        delivered all the same.
        """


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

    def subscribe(self, topics: Sequence[str], listener: RebalanceListener) -> None:
        """Join the group for ``topics``; assignment arrives during later polls."""

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

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> None:
        """Record the next offset to read per partition, save those found to be out of range.

        With ``wait`` the call returns when the broker has answered, or raises
        TransportError. Without it errors are logged and the next commit repairs them. From within
        ``close`` a cluster that does not answer is given up (Kafka: after 5 s).

        Raises:
            TransportError: a partition is not assigned to this member; nothing was recorded.
        """

    def close(self) -> None:
        """Leave the group. Calls ``revoked`` for what is still assigned."""


class Transport(Protocol):
    """Makes senders and receivers for one cluster."""

    def sender(self) -> Sender:
        """Return a new sender."""

    def receiver(self, group: str, start: Start) -> Receiver:
        """Return a new member of ``group``, not yet subscribed.

        Args:
            group: Name of the consumer group.
            start: Where a partition begins that the group never committed. One that was added to
                a topic after the group began with it begins with its first record, so that
                nothing is skipped that came before it was assigned.
        """

    def partitions(self, topics: Sequence[str], timeout_s: float) -> dict[str, int]:
        """Return the partition count of each topic; proof that a broker answers.

        Raises:
            TransportUnavailableError: nobody answered in time; names the address.
            TopicMissingError: names the topics that do not exist.
        """
