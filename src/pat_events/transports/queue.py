"""The contract of a transport that is a queue: messages with receipts.

Whoever receives a message has it for a while, its *visibility*: nobody else gets it meanwhile, and
it comes again when that is over, unless it was deleted. The suite in ``tests/transports`` runs
against every implementation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from pat_events.core.record import Delivery, Position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.config import Config
    from pat_events.core.record import Headers
    from pat_events.errors import PatEventsError


class QueueMessage(Delivery):
    """One message as a consumer received it; each time it comes it is another one of these.

    Its ``topic`` is the name of the queue. ``partition`` and ``offset`` are none of a queue's: the
    first is -1, the second the consumer's own, the order in which messages came to it.

    Attributes:
        message_id: What the queue calls it, each time it comes.
        receipt: What deletes it, or changes its visibility; good until it comes again.
        receive_count: How often it was received, this time included.
        group: Those of one group come in their order, and ``key`` is the group; None where the
            queue keeps no order.
        first_received_ms: When it was received first, in milliseconds since 1970.
    """

    __slots__ = ("first_received_ms", "group", "message_id", "receipt", "receive_count")

    def __init__(
        self,
        queue: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp_ms: int,
        *,
        message_id: str,
        receipt: str,
        receive_count: int,
        group: str | None,
        first_received_ms: int,
    ) -> None:
        super().__init__(queue, -1, -1, key, value, headers, timestamp_ms)
        self.message_id = message_id
        self.receipt = receipt
        self.receive_count = receive_count
        self.group = group
        self.first_received_ms = first_received_ms

    @property
    def position(self) -> Position:
        """The queue, and what it calls the message."""
        return Position(self.topic, message_id=self.message_id)


class QueueFeatures(NamedTuple):
    """What a queue can do.

    Attributes:
        fifo: Whether messages of one group come in their order: none of them while one received
            before is neither deleted nor given back.
        max_receives: How often a message is received before the queue moves it to its dead-letter
            queue; None where it does not do that.
        max_visibility_s: How long a message can be kept after it was received, however often its
            visibility is changed, in seconds.
        max_batch: Most messages, or receipts, of one call.
    """

    fifo: bool
    max_receives: int | None
    max_visibility_s: int
    max_batch: int


class Undone(NamedTuple):
    """What was asked was not done for this receipt.

    Attributes:
        receipt: Which.
        gone: It is good no more, so trying again cannot help: the message comes again, has done
            so, or is not there any more.
        error: Why.
    """

    receipt: str
    gone: bool
    error: PatEventsError


class QueueReceiver(Protocol):
    """Receives from one queue. Every method may be called from any thread, several at a time.

    Calls are bounded: by ``wait_s``, and by the time that the transport allows an answer.
    """

    def receive(self, max_messages: int, wait_s: float, visibility_s: int) -> list[QueueMessage]:
        """Return what is there, at most ``max_messages``; wait ``wait_s`` only for the first.

        Args:
            max_messages: 1 to ``QueueFeatures.max_batch``.
            wait_s: In seconds; whole ones for some queues, rounded up.
            visibility_s: How long nobody else gets them, in seconds.

        Raises:
            TransportError: there was no answer, or it was an error. Messages that were on their
                way come again when their visibility is over.
            TopicMissingError: there is no such queue.
            NotPermittedError: names the right that lacks.
            ClosedError: the receiver was closed.
        """

    def delete(self, receipts: Sequence[str]) -> list[Undone]:
        """Delete messages, at most ``QueueFeatures.max_batch``; returns those that were not.

        One that was deleted before counts as deleted.

        Raises:
            TransportError: as ``receive``; each of them may have been deleted or not.
        """

    def change_visibility(self, receipts: Sequence[str], visibility_s: int) -> list[Undone]:
        """Keep messages for so long from now, ``max_batch`` at most; returns those that are not.

        With 0 they are given back: they come again at once, to whoever asks.

        Raises:
            TransportError: as ``receive``; each of them may have been changed or not.
        """

    def close(self) -> None:
        """Receive no more; what was received can be deleted, kept or given back all the same.

        A ``receive`` under way ends with ``ClosedError``, or goes on to its end where nothing can
        tell the queue.
        """

    def release(self) -> None:
        """Let go of connections, as nothing more is asked; closes as well.

        What is under way goes on to its end.
        """


class Queue(Protocol):
    """A queue to receive from."""

    @property
    def name(self) -> str:
        """Its name, the ``topic`` of its messages."""

    @property
    def system(self) -> str:
        """What carries the messages, as OpenTelemetry names it, such as ``aws_sqs``."""

    def features(self, timeout_s: float) -> QueueFeatures:
        """Ask what the queue can do; ``timeout_s`` at most.

        Raises:
            TransportUnavailableError: nobody answered in time; names the address.
            AuthenticationError: credentials lack, or are good no more.
            TopicMissingError: there is no such queue; names it and where it was looked for.
            NotPermittedError: names the right that lacks.
        """

    def queue_id(self, timeout_s: float) -> str:
        """Return what tells this queue from others, of other regions and accounts as well.

        Raises:
            TransportUnavailableError: nobody answered in time; names the address.
        """

    def receiver(self, config: Config | None = None) -> QueueReceiver:
        """Return a new receiver; nobody is asked for an answer.

        Args:
            config: Which catalogue its events are of; as the environment says when None.
        """
