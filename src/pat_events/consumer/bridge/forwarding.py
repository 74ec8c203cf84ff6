"""A record goes on as it is: the same id, envelope and headers, by another sender."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pat_events.codecs.structured import has_data
from pat_events.codecs.table import STRUCTURED, codec_by_name, media_type
from pat_events.consumer.handlers import Handlers
from pat_events.core import headers as h
from pat_events.core.shown import one_line
from pat_events.producer.ack import Ack
from pat_events.producer.back_pressure import BackPressure
from pat_events.producer.refusals import not_encodable
from pat_events.system.clock import CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from google.protobuf.message import Message

    from pat_events.catalog.binding import Binding, EventTypes
    from pat_events.config import Config
    from pat_events.consumer.context import Context
    from pat_events.core.record import Delivery
    from pat_events.telemetry.observer import Observer
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.sending import Sender

    #: From the topic that an event is in, or goes to, to the name of that place.
    PlaceOf: TypeAlias = Callable[[str], str]

_log = logging.getLogger("pat_events.consumer")

# A call that waits for the sender's own limits has to outlast them, in seconds.
_MORE_S: Final = 30.0
# What a record of a log does not have: ``content-type`` says it.
_CE_CONTENT_TYPE: Final = "ce_datacontenttype"
_NOT_FORWARDED: Final = (*h.OF_LETTERS, _CE_CONTENT_TYPE)


class Forwarding:
    """The handler of a bridge.

    Only what was acknowledged is done. What was not fails as what a handler publishes: an outage
    holds the event, a refusal for good makes it a dead letter.

    Args:
        config: How long to wait for room, and how an event is written that came in structured mode.
        types: The catalogue's events.
        spans: Makes a span of each event that is sent on, where spans are wanted.
    """

    def __init__(self, config: Config, types: EventTypes, spans: SenderSpans | None = None) -> None:
        self._spans = spans
        self._config = config
        self._types = types
        self._codec = codec_by_name(config.codec)
        self._place_from: PlaceOf
        self._place_to: PlaceOf
        self._sender: Sender
        self._pressure: BackPressure
        self._has_turned_back = False

    def handlers(self, classes: Sequence[type[Message]], *, in_order: bool) -> Handlers:
        """Return what forwards events of these classes.

        Args:
            classes: Which.
            in_order: An event of a lane goes when the one before is acknowledged. Sent one after
                another, a later one could arrive while the first is refused by an outage.
        """
        config = self._config
        timeout_s = config.publish_timeout_s + config.delivery_timeout_s + _MORE_S
        handlers = Handlers()
        call: Any = self.forward_in_order if in_order else self.forward
        handlers.on(*classes, timeout_s=timeout_s)(call)
        return handlers

    def between(self, place_from: PlaceOf, place_to: PlaceOf) -> None:
        """Say where events come from and go to."""
        self._place_from, self._place_to = place_from, place_to

    def through(self, sender: Sender, observer: Observer | None = None) -> None:
        """Say who sends them, and who is told how long one waited for room."""
        self._sender = sender
        timeout_s = self._config.publish_timeout_s
        self._pressure = BackPressure(sender, timeout_s, CLOCK.monotonic, observer)

    def forward(self, event: Message, ctx: Context) -> Ack | None:
        """Hand an event on; whoever called waits for what is returned."""
        ack = self._prepare(event, ctx)
        if ack is not None:
            try:
                self._pressure.take(ack)
            except BaseException as error:
                ack.not_taken(error)
                raise
        return ack

    async def forward_in_order(self, event: Message, ctx: Context) -> None:
        """Hand an event on, and return when it has arrived."""
        ack = self._prepare(event, ctx)
        if ack is None:
            return
        try:
            await self._pressure.atake(ack)
        except BaseException as error:
            ack.not_taken(error)
            raise
        await ack

    def _prepare(self, event: Message, ctx: Context) -> Ack | None:
        """Return the record to send, or None: it comes from where it would go."""
        delivery = ctx.delivery
        binding = self._types.of(event)
        topic = binding.event_type.topic
        headers = {
            name: value
            for name, value in delivery.header_values.items()
            if not name.startswith(_NOT_FORWARDED)
        }
        came_from = h.text(headers, h.CE_BRIDGED_FROM) or ""
        if self._place_to(topic) in came_from.split(" "):
            self._turn_back(ctx, self._place_to(topic))
            return None
        came_from = f"{came_from} {self._place_from(delivery.topic)}".lstrip()
        headers[h.CE_BRIDGED_FROM] = came_from.encode()
        key = binding.key_of(event).encode() or delivery.key
        event_id = _complete(headers, event, ctx, binding, key)
        value = self._value(event, delivery, headers)
        now_ms = CLOCK.time_ns() // 1_000_000
        ends_span = None
        if self._spans is not None:
            ends_span = self._spans.send(topic, (key or b"").decode(errors="replace"), headers)
        ack = Ack(
            topic,
            key,  # type: ignore[arg-type]  # a record without one is one of its own in any order
            value,
            headers,
            now_ms,
            event_id,
            self._sender,
            lambda _: None,
        )
        if ends_span is not None:
            ack.add_done_callback(ends_span)
        return ack

    def _value(
        self, event: Message, delivery: Delivery, headers: dict[str, bytes | None]
    ) -> bytes | None:
        """Return the payload as it came, out of its envelope if it was in one."""
        if media_type(headers.get(h.CONTENT_TYPE)) != STRUCTURED:
            return delivery.value
        for name in (h.TRACEPARENT, h.TRACESTATE):
            # In there an attribute stands for the header, too.
            if headers.get(f"ce_{name}") == headers.get(name):
                headers.pop(f"ce_{name}", None)
            if headers.get(name) is None:
                headers.pop(name, None)
        if h.CE_DATAREF in headers and not has_data(delivery.value or b""):
            # The payload stays in its object, written as it is.
            headers[h.CONTENT_TYPE] = delivery.header_values.get(_CE_CONTENT_TYPE)
            return b""
        headers[h.CONTENT_TYPE] = self._codec.content_type.encode()
        try:
            return self._codec.encoder(type(event))(event)
        except self._codec.encode_errors as error:
            raise not_encodable(event, error) from error

    def _turn_back(self, ctx: Context, place: str) -> None:
        if not self._has_turned_back:
            self._has_turned_back = True
            _log.warning(
                "event %s is not forwarded: %s is where a bridge took it from. It is there already,"
                " and so is whatever else comes like this; choose other types for one direction",
                one_line(ctx.event_id),
                one_line(place),
                extra=ctx.log_fields,
            )


def _complete(
    headers: dict[str, bytes | None],
    event: Message,
    ctx: Context,
    binding: Binding,
    key: bytes | None,
) -> str:
    """Add what the envelope lacks, as records of others may, from the event; returns its id."""
    metadata = event.metadata  # type: ignore[attr-defined]  # every event has it
    event_id: str = h.text(headers, h.CE_ID) or metadata.event_id or ctx.event_id
    source = metadata.source or binding.event_type.source
    for name, value in (
        (h.CE_ID, event_id.encode()),
        (h.CE_SPECVERSION, b"1.0"),
        (h.CE_SOURCE, source.encode()),
        (h.CE_SUBJECT, key),
        (h.CE_CORRELATION_ID, metadata.correlation_id.encode()),
        (h.CE_TENANT_ID, metadata.tenant_id.encode()),
    ):
        if value and not headers.get(name):
            headers[name] = value
    return event_id
