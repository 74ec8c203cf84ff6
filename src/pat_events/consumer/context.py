"""What a handler learns about its event besides the payload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_events.core.checks import wrong_type
from pat_events.core.envelope import Envelope, read_envelope
from pat_events.core.headers import REPLAY_ID, REPLAY_NAME, text
from pat_events.errors import NoTransportError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from pat_events.core.log_fields import LogFields
    from pat_events.core.record import Delivery, Headers, Position
    from pat_events.producer.ack import Ack
    from pat_events.producer.producer import Producer


class Context:
    """One delivery of one event.

    Reading it is safe from any thread; it is of no use once the handler has returned.

    Attributes:
        delivery: The record itself, for what passes it on as it is.
    """

    __slots__ = ("_envelope", "_producer", "acks", "delivery", "failure")

    def __init__(self, delivery: Delivery, producer: Producer | None) -> None:
        self.delivery = delivery
        self._producer = producer
        self._envelope: Envelope | None = None
        #: What the handler published; the event is done when all of it is acknowledged.
        self.acks: list[Ack] | None = None
        #: What ``fail`` was given.
        self.failure: BaseException | None = None

    @property
    def envelope(self) -> Envelope:
        """Id, type, source, time, correlation, tenant and trace of the event."""
        if self._envelope is None:
            self._envelope = read_envelope(self.delivery)
        return self._envelope

    @property
    def event_id(self) -> str:
        """The event's id; its position where the producer set none."""
        return self.envelope.event_id

    @property
    def correlation_id(self) -> str:
        """Id shared by all events of one chain."""
        return self.envelope.correlation_id

    @property
    def tenant_id(self) -> str | None:
        """The tenant the event belongs to, where one is named."""
        return self.envelope.tenant_id

    @property
    def replay(self) -> str | None:
        """Which replay brought the event again, by its name or id; None where it came by itself.

        Of an archive of EventBridge it is the replay's name; of dead letters the id of the run.
        """
        values = self.delivery.header_values
        # The first one counts where there are both: the event of a letter keeps its headers.
        if run := text(values, REPLAY_ID):
            # Whoever registers handlers is asked for no event, and need not load it.
            from pat_events.catalog.topic_names import RETRY_SUFFIX  # noqa: PLC0415

            if self.delivery.topic.endswith(RETRY_SUFFIX):
                return run
        return text(values, REPLAY_NAME) or None

    @property
    def attempt(self) -> int:
        """Which attempt this is, 1 for the first."""
        return self.delivery.attempt

    @property
    def position(self) -> Position:
        """Topic, partition and offset."""
        return self.delivery.position

    @property
    def key(self) -> bytes | None:
        """The record's key."""
        return self.delivery.key

    @property
    def headers(self) -> Headers:
        """The record's headers as they came."""
        return self.delivery.headers

    @property
    def log_fields(self) -> LogFields:
        """The event's fields for ``logging``, as in ``log.info("done", extra=ctx.log_fields)``.

        Its id, type, position, attempt, handler, correlation id and trace id, as this package's own
        lines about it have them.
        """
        # Whoever registers handlers logs nothing of an event, and need not load it.
        from pat_events.core.log_fields import log_fields  # noqa: PLC0415

        route = self.delivery.route
        return log_fields(self.delivery, "" if route is None else route.registration.name)

    @property
    def timestamp_ms(self) -> int:
        """The record's timestamp in milliseconds since 1970."""
        return self.delivery.timestamp_ms

    def publish(
        self,
        event: Message,
        *,
        tenant_id: str | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> Ack:
        """Publish an event because of this one: correlation, causation, tenant and trace go on.

        This event counts as handled only once what it published is acknowledged;
        the handler need not wait for it.

        Raises:
            NoTransportError: the consumer was given none.
            PatEventsError: as ``Producer.publish``.
        """
        ack = self._require_producer(event).publish(
            event, caused_by=self.envelope, tenant_id=tenant_id, headers=headers
        )
        self.note(ack)
        return ack

    async def apublish(
        self,
        event: Message,
        *,
        tenant_id: str | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> Ack:
        """Like ``publish``, and awaits room in a full buffer; for coroutines."""
        ack = await self._require_producer(event).apublish(
            event, caused_by=self.envelope, tenant_id=tenant_id, headers=headers
        )
        self.note(ack)
        return ack

    def fail(self, error: object) -> None:
        """In a batch handler: this event failed with ``error``, the others did not."""
        if not isinstance(error, BaseException):
            # The class of an exception, or a text: it has failed all the same.
            error = PermanentError(f"ctx.fail was given {error!r}, which is no exception")
        self.failure = error

    def note(self, ack: Ack) -> None:
        """Wait for this publish, too, before the event counts as handled.

        Raises:
            ConfigError: this is no handle that ``publish`` has returned.
        """
        if not hasattr(ack, "settled"):  # The class itself would take loading.
            raise wrong_type("ack", ack, "what Producer.publish returned")
        if self.acks is None:
            self.acks = []
        self.acks.append(ack)

    def _require_producer(self, event: Message) -> Producer:
        if self._producer is None:
            raise NoTransportError(
                f"{type(event).__name__} cannot be published: the consumer has no transport; give "
                "it one, as in QueueConsumer(..., transport=...) or "
                "lambda_handler(..., transport=...), and start it again"
            )
        return self._producer
