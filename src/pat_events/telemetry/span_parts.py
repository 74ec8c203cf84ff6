"""What spans of senders and consumers have in common: places in traces, attributes, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_events.core import headers as h
from pat_events.core import trace_context
from pat_events.errors import ConfigError

try:
    from opentelemetry import _logs as logs
    from opentelemetry import context as contexts
    from opentelemetry import trace
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        Status,
        StatusCode,
        TraceFlags,
        TraceState,
    )
except ImportError as error:
    raise ConfigError("tracing needs the extra: pip install 'pat-events[otel]'") from error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from pat_events.core.record import Delivery
    from pat_events.core.trace_context import TraceContext

__all__ = ["contexts", "logs", "trace"]

NAME: Final = "pat_events"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
# Their names: docs/messaging/messaging-spans.md, kafka.md and sqs.md of the conventions.
KAFKA: Final = "kafka"
# Not one that happens to be current where a worker was started.
_NOWHERE: Final = contexts.Context()


def within(parent: SpanContext | None) -> contexts.Context:
    if parent is None:
        return _NOWHERE
    return trace.set_span_in_context(NonRecordingSpan(parent), _NOWHERE)


def place_of(delivery: Delivery) -> SpanContext | None:
    """Return the place in a trace that an event was published at."""
    values = delivery.header_values
    found = trace_context.parse(values.get(h.TRACEPARENT), values.get(h.TRACESTATE))
    if found is None and (x_ray := values.get(h.X_RAY)) is not None:
        found = trace_context.parse_x_ray(x_ray)
    return place_in(found)


def place_in(found: TraceContext | None) -> SpanContext | None:
    if found is None:
        return None
    # Where its parts are, ``trace_context.parse`` has seen.
    place = found.traceparent
    state = None
    if found.tracestate:
        state = TraceState.from_header([found.tracestate.decode(errors="replace")])
    return SpanContext(
        int(place[3:35], 16),
        int(place[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(place[53:55], 16)),
        trace_state=state,
    )


def write_place(place: SpanContext, headers: dict[str, bytes | None]) -> None:
    headers[h.TRACEPARENT] = b"00-%032x-%016x-%02x" % (
        place.trace_id,
        place.span_id,
        place.trace_flags,
    )
    headers.pop(h.TRACESTATE, None)
    if place.trace_state:
        headers[h.TRACESTATE] = place.trace_state.to_header().encode()


_BY_HEADER: Final = (
    ("cloudevents.event_id", h.CE_ID),
    ("cloudevents.event_source", h.CE_SOURCE),
    ("cloudevents.event_type", h.CE_TYPE),
    ("cloudevents.event_spec_version", h.CE_SPECVERSION),
    ("messaging.message.conversation_id", h.CE_CORRELATION_ID),
)


def add_attributes_of(
    headers: Mapping[str, bytes | None], attributes: dict[str, AttributeValue]
) -> None:
    for name, header in _BY_HEADER:
        value = headers.get(header)
        if value:
            attributes[name] = value.decode(errors="replace")


def add_delivery(delivery: Delivery, system: str, attributes: dict[str, AttributeValue]) -> None:
    attributes["pat_events.attempt"] = delivery.attempt
    if system != KAFKA:
        attributes["messaging.message.id"] = delivery.position.message_id
        return
    attributes["messaging.destination.partition.id"] = str(delivery.partition)
    attributes["messaging.kafka.offset"] = delivery.offset
    try:
        if delivery.key is not None:
            attributes["messaging.kafka.message.key"] = delivery.key.decode()
    except UnicodeDecodeError:
        pass  # The conventions leave out what is no text.
    if delivery.value is None:
        attributes["messaging.kafka.message.tombstone"] = True


def mark_failed(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", type_name(error))
    span.set_status(Status(StatusCode.ERROR, str(error)))


def type_name(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
