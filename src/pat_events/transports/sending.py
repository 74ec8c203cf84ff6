"""The contract of every sender: it takes records and reports each one's fate exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    from pat_events.catalog.model import Catalog
    from pat_events.config import Config
    from pat_events.core.record import Header
    from pat_events.errors import PatEventsError
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans

    OutgoingHeaders: TypeAlias = Sequence[Header] | dict[str, bytes | None]
    # Where a transport put a record, in terms of its own: partition and offset of a log, -1 for
    # what it was not told; or the id that a queue or bus gave the message.
    Place: TypeAlias = tuple[int, int] | str


class Outgoing:
    """A record on its way, and what became of it.

    The sender calls ``settle`` exactly once, from whichever thread is inside one of its
    methods. Subclasses that override it must not raise.

    Attributes:
        headers: Pairs in their order, or a dict where no name comes twice: it is cheaper to build,
            and none of the garbage collector's business (in CPython up to 3.13).
        place: Where the transport put it; None while that is not known.
        slot: The sender's own. A client that reports by calling back may be given the record as
            the callback, and what it says is passed on to the slot: an object of its own for each
            would be most of what the garbage collector has to look at while thousands wait.
    """

    __slots__ = (
        "error",
        "headers",
        "key",
        "place",
        "settled",
        "slot",
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
        self.place: Place | None = None
        self.slot: Callable[..., None] | None = None

    def __call__(self, error: object, report: object) -> None:
        """Pass on what a client reports."""
        self.slot(self, error, report)  # type: ignore[misc]

    def settle(self, error: PatEventsError | None, place: Place | None) -> None:
        """Record the outcome: where it is, or why it is nowhere."""
        self.place = place
        self.error = error
        self.settled = True


class Sender(Protocol):
    """Sends records, and settles each. Every method may be called from any thread.

    What has to be done for that meanwhile, and by which thread, is the sender's own affair.
    """

    def send(self, outgoing: Outgoing) -> None:
        """Take one record into the buffer without waiting.

        Raises:
            BufferFullError: the buffer is full; the record was not taken.
            RecordTooLargeError: the record can never be sent; it was not taken.
            SchemaError: the transport cannot carry it, as one without a key where that makes the
                order; it was not taken.
            TopicMissingError: the topic is known not to exist; the record was not taken.
            TransportError: the client refused the record; it was not taken.
            ClosedError: the sender was closed.
        """

    def wait_for_room(self, timeout_s: float) -> None:
        """Wait until a full buffer may have room, ``timeout_s`` at most; it may return earlier."""

    def may_wait(self) -> bool:
        """Tell whether this thread may wait, for room or for the outcome of a record.

        Inside ``Outgoing.settle`` it may not: what it waits for may come after that has returned,
        and only the sender knows the threads that are inside.
        """

    def expedite(self) -> None:
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


class SendingTransport(Protocol):
    """What a producer needs of a transport, which may be one that only sends."""

    @property
    def address(self) -> str:
        """Where records go, as errors name it."""

    @property
    def keeps_order(self) -> bool:
        """Whether records of one key arrive in the order in which they were sent."""

    @property
    def system(self) -> str:
        """What carries the records, as OpenTelemetry names it, such as ``kafka``."""

    def sender(
        self,
        config: Config,
        observers: Iterable[GivenObserver] = (),
        spans: SenderSpans | None = None,
    ) -> Sender:
        """Return a new sender.

        Args:
            config: How much it takes (``buffer_events``, ``buffer_bytes``) and when it gives up
                (``delivery_timeout_s``).
            observers: Are told what becomes of records: ``Acknowledged`` and ``NotDelivered``.
            spans: Those that are made of what it sends; its client makes none beside them.

        Raises:
            ConfigError: the settings do not go with those of the transport.
        """

    def ping(self, timeout_s: float) -> None:
        """Return once somebody answers and has let us in; ``timeout_s`` at most.

        Raises:
            TransportUnavailableError: nobody answered in time; names the address.
            AuthenticationError: the sign-in was refused.
        """


class BridgeTarget(SendingTransport, Protocol):
    """One that a bridge can send to: it knows what goes there, and what that place is called."""

    def routed(self, catalog: Catalog) -> Sequence[str]:
        """Return the names of the events that the catalogue sends here; none where it says none."""

    def check_events(self, names: Iterable[str]) -> None:
        """Return if each of these events can go here.

        Raises:
            ConfigError: names those that cannot.
        """

    def places(self, timeout_s: float) -> Callable[[str], str]:
        """Return what names the place that an event of a topic goes to.

        Who takes events from there has the same name for it: ``place_of_log`` or
        ``place_of_queue``.

        Args:
            timeout_s: Longest wait for the answer, in seconds.

        Raises:
            TransportUnavailableError: nobody answered in time; names the address.
        """


def place_of_log(cluster_id: str, topic: str) -> str:
    """Return the name of a topic, of whichever cluster, among all places that events are in."""
    return f"log:{cluster_id}/{topic}"


def place_of_queue(queue_id: str) -> str:
    """Return the name of a queue among all places that events are in."""
    return f"queue:{queue_id}"


def place_of_bus(address: str) -> str:
    """Return the name of a bus: nothing is taken from one, what its rules hand on is in a queue."""
    return f"bus:{address}"


class DeadLetterTransport(SendingTransport, Protocol):
    """One that can carry dead letters: any record, to the destination that is its ``topic``."""

    def check_dead_letters(self, destination: str, timeout_s: float) -> None:
        """Return once it is known that dead letters can go there, as far as one may look.

        Args:
            destination: Topic or queue.
            timeout_s: Longest wait for the answer, in seconds.

        Raises:
            ConfigError: it cannot be the name of one.
            TopicMissingError: there is none.
            TransportUnavailableError: nobody answered in time; names the address.
        """
